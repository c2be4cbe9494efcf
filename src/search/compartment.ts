/**
 * What belongs to a compartment: by CompartmentDefinition, the resources that refer to its own by certain parameters,
 * and that resource itself. https://hl7.org/fhir/R4/compartmentdefinition.html
 */
import { compartmentDefinitions } from '../fhir/definitions-search.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { CompartmentCondition } from './ast.ts';
import { pathsTo } from './condition.ts';
import type { ParameterPath, TenantParameters } from './parameters.ts';

/** @throws OutcomeError `not-supported` (404) where the type has no compartment. */
export function compartmentCondition(type: string, id: string, parameters: TenantParameters): CompartmentCondition {
  const definition = compartmentDefinitions().find(({ code }) => code === type);
  if (definition === undefined) {
    throw outcomeError('not-supported', `${type} has no compartment; search it by its parameters instead.`, {
      status: 404,
    });
  }
  const members = new Map<string, readonly ParameterPath[]>();
  for (const [member, names] of definition.parameters) {
    const known = parameters.of(member).byName;
    const paths = names.flatMap((name) => {
      const parameter = known.get(name);
      return parameter === undefined ? [] : pathsTo(parameter, type);
    });
    members.set(member, paths);
  }
  return { kind: 'compartment', type, id, members };
}
