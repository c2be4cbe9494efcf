/**
 * Consent as a condition on resources: src/access/consent.ts says by which rules it is decided, consent-sql.ts how it is
 * asked in a statement. Plain data.
 */
import { compartmentDefinitions } from '../fhir/definitions-search.ts';
import { resourceTypes } from '../fhir/resource-types.ts';
import { pathsTo } from './condition.ts';
import { standardParameters } from './parameters.ts';

/** What the rules are matched with: of the request and of the laboratory. */
export interface ConsentCondition {
  readonly kind: 'consent';
  /** References that stand for the caller, `Practitioner/1`. */
  readonly actors: readonly string[];
  /** What the request does, as codes of consentaction. */
  readonly actions: readonly string[];
  /** The purposes of the request and all that include them. */
  readonly purposes: readonly string[];
  /** Where no consent decides. */
  readonly otherwise: 'permit' | 'deny';
  /** The patient who asks himself, and patients whose consent is overridden: no consent binds for them. */
  readonly unbound: readonly string[];
  /** Numbers of the element paths by which a resource belongs to a patient besides the column. */
  readonly members: readonly number[];
  /** Numbers of those that name an author. */
  readonly authorship: readonly number[];
}

/** The parameters by which R4 names whoever made a resource. */
const authoring: readonly string[] = [
  'author',
  'performer',
  'recorder',
  'asserter',
  'requester',
  'collector',
  'enterer',
  'source',
  'assessor',
  'results-interpreter',
  'sender',
];

interface Paths {
  readonly members: readonly number[];
  readonly authorship: readonly number[];
}

let known: Paths | undefined;

/** Of R4's parameters alone: what a laboratory adds cannot loosen them. */
export function consentPaths(): Paths {
  return (known ??= { members: memberPaths(), authorship: authorPaths() });
}

/** Of the compartment of a Patient; those that stand in the row's own column are looked at there too. */
function memberPaths(): number[] {
  const definition = compartmentDefinitions().find(({ code }) => code === 'Patient');
  const numbers = [...(definition?.parameters ?? [])].flatMap(([type, names]) =>
    names.flatMap((name) => {
      const parameter = standardParameters(type).byName.get(name);
      return parameter === undefined ? [] : pathsTo(parameter, 'Patient').map(({ path }) => path.param);
    }),
  );
  return [...new Set(numbers)];
}

function authorPaths(): number[] {
  const numbers = resourceTypes.flatMap((type) =>
    authoring.flatMap(
      (name) =>
        standardParameters(type)
          .byName.get(name)
          ?.paths.map(({ path }) => path.param) ?? [],
    ),
  );
  return [...new Set(numbers)];
}
