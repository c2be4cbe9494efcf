/** Value sets and hierarchies of R4's own definitions, as search asks for them. */
import { ancestorsOf, codesOf, descendantsOf, systemsOf } from '../fhir/terminology.ts';
import type { Terminology } from './context.ts';

export const standardTerminology: Terminology = {
  expand: (valueSet) => codesOf(valueSet)?.map(({ system, code }) => ({ system: system ?? '', code })),
  related: (system, code, direction) => {
    const codes = direction === 'above' ? ancestorsOf(system, code) : descendantsOf(system, code);
    return codes && [...codes];
  },
  systems: systemsOf,
};
