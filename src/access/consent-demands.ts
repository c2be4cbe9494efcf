/** What a provision demands: who, what, why, and of which resources. Undefined or empty: it does not say. */
import type { JsonObject } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { confidentialities, confidentialitySystem } from './confidentiality.ts';
import { codes, codesOf, elements, hasCode, localReference, refusal, type ConsentContext } from './consent-elements.ts';
import type { ConsentData } from './consent-rule.ts';
import { isPurpose, purposeSystem } from './purpose.ts';

const participation = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const roleClass = 'http://terminology.hl7.org/CodeSystem/v3-RoleClass';
const roleCode = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';

/** Whoever receives the data, or acts for the patient in doing so. */
const receiving: readonly (readonly [system: string, code: string])[] = [
  [participation, 'IRCP'],
  [participation, 'PRCP'],
  [participation, 'REFT'],
  [participation, 'TRC'],
  [roleClass, 'PROV'],
  [roleClass, 'AGNT'],
  [roleCode, 'DELEGATEE'],
];

/** Types that a caller can be. Not a Group or a CareTeam: whoever may write one would let himself in without the patient. */
const callers: ReadonlySet<string> = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Patient',
  'RelatedPerson',
  'Device',
]);

/** Empty lists match nobody; where only custodians are named, everybody is meant. */
export function actors(path: string, provision: JsonObject, context: ConsentContext): string[] | undefined {
  const given = elements(provision['actor']).flatMap((actor, i) => {
    const at = `${path}.actor[${i}]`;
    const codings = elements((actor['role'] as JsonObject | undefined)?.['coding']);
    const reference = localReference(`${at}.reference`, actor['reference'] as JsonObject | undefined, context);
    if (hasCode(codings, participation, 'CST')) return [];
    if (!receiving.some(([system, code]) => hasCode(codings, system, code))) {
      throw refusal(`${at}.role`, 'it must say who receives the data (IRCP, PRCP) or holds it (CST)');
    }
    if (!callers.has(reference.slice(0, reference.indexOf('/')))) {
      throw refusal(`${at}.reference`, `it must be one of ${[...callers].join(', ')}`);
    }
    return [reference];
  });
  return given.length === 0 ? undefined : given;
}

const actionSystem = 'http://terminology.hl7.org/CodeSystem/consentaction';
const knownActions: ReadonlySet<string> = new Set(['collect', 'access', 'use', 'disclose', 'correct']);

export function actions(path: string, provision: JsonObject): string[] | undefined {
  const known = (code: string): boolean => knownActions.has(code);
  return codesOf(`${path}.action`, provision['action'], { system: actionSystem, known });
}

export function purposes(path: string, provision: JsonObject): string[] | undefined {
  return codesOf(`${path}.purpose`, provision['purpose'], { system: purposeSystem, known: isPurpose });
}

/** The more confidential labels are denied with a denied one. */
export function labels(path: string, provision: JsonObject, permit: boolean): string[] | undefined {
  const given = codes(`${path}.securityLabel`, provision['securityLabel']);
  if (given === undefined || permit) return given;
  return [...new Set(given.flatMap((label) => [label, ...moreConfidential(label)]))];
}

function moreConfidential(label: string): string[] {
  const [system, code = ''] = label.split('|');
  const at = system === confidentialitySystem ? confidentialities.indexOf(code) : -1;
  return at < 0 ? [] : confidentialities.slice(at + 1).map((other) => `${confidentialitySystem}|${other}`);
}

const typeSystem = 'http://hl7.org/fhir/resource-types';
const urlSystem = 'urn:ietf:rfc:3986';
const loinc = 'http://loinc.org';

type Class = Pick<ConsentData, 'types' | 'profiles' | 'documents'>;

/** A type of resource, a profile by its URL, or a kind of document by its LOINC code. */
export function resourceClass(path: string, provision: JsonObject): Class | undefined {
  const given = codes(`${path}.class`, provision['class']);
  if (given === undefined) return undefined;
  const of = (system: string): string[] =>
    given.filter((one) => one.startsWith(`${system}|`)).map((one) => one.slice(system.length + 1));
  const [types, profiles, documents] = [of(typeSystem), of(urlSystem), of(loinc)];
  const unknown = types.find((type) => typeNumber(type) === undefined);
  if (unknown !== undefined) throw refusal(`${path}.class`, `"${unknown.slice(0, 60)}" is no type of resource`);
  if (types.length + profiles.length + documents.length < given.length) {
    throw refusal(`${path}.class`, 'it takes types of resources, profiles by their URL, and LOINC codes of documents');
  }
  return { types, profiles, documents: documents.map((code) => `${loinc}|${code}`) };
}

type Data = Pick<ConsentData, 'instances' | 'related' | 'dependents' | 'authors'>;

/**
 * https://hl7.org/fhir/R4/valueset-consent-data-meaning.html. Related is what refers to the resource, as PCF has it for
 * an Encounter, and what it refers to, as R4 says; dependents only what refers to it. Both include the resource itself.
 */
export function data(path: string, provision: JsonObject, context: ConsentContext): Data | undefined {
  const given = elements(provision['data']);
  if (given.length === 0) return undefined;
  const found = given.map((item, i) => {
    const at = `${path}.data[${i}]`;
    const reference = localReference(`${at}.reference`, item['reference'] as JsonObject | undefined, context);
    return { meaning: item['meaning'], reference, at };
  });
  const meanings = ['instance', 'related', 'dependents', 'authoredby'];
  const unknown = found.find(({ meaning }) => !meanings.includes(String(meaning)));
  if (unknown !== undefined) throw refusal(`${unknown.at}.meaning`, `it is one of ${meanings.join(', ')}`);
  const of = (wanted: string): string[] =>
    found.filter(({ meaning }) => meaning === wanted).map(({ reference }) => reference);
  return { instances: of('instance'), related: of('related'), dependents: of('dependents'), authors: of('authoredby') };
}
