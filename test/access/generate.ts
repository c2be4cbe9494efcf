/** Random callers over the world of test/search/generate.ts, and the paths on which they ask. */
import fc from 'fast-check';
import { operatorCaller, type Caller } from '../../src/access/caller.ts';
import { parseRoleScope, parseScopes } from '../../src/access/scopes.ts';
import type { About } from '../../src/identity/token.ts';
import { randomQuery } from '../search/generate.ts';

export interface RandomCaller {
  readonly scopes: string;
  readonly about: About;
}

const pick = fc.constantFrom;
const ids = ['1', '2', '3', '4', '5'] as const;
const types = ['Observation', 'Observation', 'Patient', 'Patient', 'Organization', 'Practitioner', '*'] as const;

/** Filters that let a good part of the world through; random searches mostly let through little. */
const wide = pick(
  'Observation?status=final',
  'Observation?status=final,amended',
  'Observation?category:missing=true',
  'Observation?code:not=a',
  'Observation?subject:missing=false',
  'Observation?patient.gender=male',
  'Observation?patient.name:missing=false',
  'Observation?date=ge2024-02',
  'Patient?gender=female',
  'Patient?active=true',
  'Patient?_has:Observation:patient:status=final',
  'Patient?organization.name:missing=false',
  'Patient?_id=1,2,3,4,5,6,7,8',
  'Organization?partof:missing=true',
  '*?_id=1,2,3,4,5,6,7,8,9,10',
  '*?_tag=a,b,c-1',
  '*?status=final',
);

const bare = fc
  .record({ context: pick('user', 'system', 'patient'), type: pick(...types) })
  .map(({ context, type }) => [context, type, ''] as const);
const filtered = fc
  .record({ context: pick('user', 'user', 'patient'), query: fc.oneof({ weight: 4, arbitrary: wide }, randomQuery) })
  .map(({ context, query }) => [context, query.split('?')[0] ?? '', query.slice(query.indexOf('?'))] as const);

const scope = (permissions: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.oneof({ weight: 2, arbitrary: bare }, { weight: 3, arbitrary: filtered }), permissions)
    .map(([[context, type, filter], letters]) => `${context}/${type}.${letters}${filter}`)
    .filter((text) => text.length < 400);

const roleScope = fc.oneof(
  pick(
    'user/*.cruds',
    'practitioner/*.cruds',
    'user/Observation.cruds?performer={fhirUser}',
    'user/Observation.cruds?status=final',
    'user/Patient.cruds?general-practitioner={fhirUser}',
    'user/Observation.cruds?patient.general-practitioner={fhirUser}',
    'user/Observation.cruds?patient.gender=male',
    'user/Patient.cruds?_has:Observation:patient:status=final',
    'user/Patient.cruds',
    'patient/*.cruds',
  ),
  scope(fc.constant('cruds')),
);

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

/** @param permissions of each scope: `rs` where reading and searching see the same */
export function randomCaller(permissions: fc.Arbitrary<string>): fc.Arbitrary<RandomCaller> {
  return fc
    .record({
      scopes: fc.array(scope(permissions), { minLength: 1, maxLength: 4 }),
      patient: maybe(pick(...ids)),
      fhirUser: maybe(pick('Practitioner/1', 'Practitioner/2', 'Patient/3')),
      roleScopes: fc.option(fc.array(roleScope, { minLength: 1, maxLength: 3 }), { nil: undefined, freq: 2 }),
    })
    .map(({ scopes, patient, fhirUser, roleScopes }) => ({
      scopes: scopes.join(' '),
      about: {
        ...(patient !== undefined && { patient }),
        ...(fhirUser !== undefined && { fhirUser }),
        ...(roleScopes !== undefined && { roleScopes }),
      },
    }));
}

/** As the server makes the caller of the token. */
export function callerOf({ scopes, about: { roleScopes, breakGlass: _breakGlass, ...about } }: RandomCaller): Caller {
  return operatorCaller({
    ...about,
    subject: 's',
    client: 'c',
    scopes: parseScopes(scopes),
    roleScopes: roleScopes?.map(parseRoleScope),
  });
}

export interface Path {
  readonly url: string;
  readonly body?: object;
  /** Types without which the path is forbidden. */
  readonly needs: readonly string[];
}

const get = (url: string, ...needs: string[]): Path => ({ url, needs });

const graphql = (query: string, ...needs: string[]): Path =>
  get(`$graphql?query=${encodeURIComponent(query)}`, ...needs);

/** Every way of asking that answers with resources. */
const fixed: readonly Path[] = [
  get('Observation?_include=Observation:subject&_include=Observation:performer&_count=200', 'Observation'),
  get(
    'Observation?_include=*&_include:iterate=Patient:organization&_include:iterate=Organization:partof',
    'Observation',
  ),
  get('Patient?_revinclude=Observation:subject&_revinclude=Observation:performer&_count=200', 'Patient'),
  get('Organization?_revinclude=Patient:organization&_revinclude:iterate=Observation:patient', 'Organization'),
  get('Observation?_sort=code,-status&_count=7&_total=accurate', 'Observation'),
  get('Patient?_sort=family&_total=accurate&_count=3', 'Patient'),
  get('Observation?_summary=count', 'Observation'),
  get('?_type=Patient,Observation,Organization&_count=300&_total=accurate'),
  get('Patient?_filter=gender eq male or active eq true', 'Patient'),
  get('Observation?_filter=subject:Patient.gender eq female or status eq final', 'Observation'),
  get('Patient?_has:Observation:patient:status=final&_count=200', 'Patient'),
  get('Observation?patient.organization.partof:missing=false', 'Observation'),
  graphql(
    '{ObservationList(status:"final"){id status subject{resource(optional:true){... on Patient{id gender}}}}}',
    'Observation',
  ),
  graphql('{PatientList(gender:"male"){id ObservationList(_reference:subject){id status}}}', 'Patient', 'Observation'),
  graphql('{PatientConnection(_count:3){count edges{resource{id}}}}', 'Patient'),
];

const ofPatient = pick(...ids).chain((id) =>
  pick(
    get(`Patient/${id}`, 'Patient'),
    get(`Patient/${id}/Observation?_count=100`, 'Observation'),
    get(`Patient/${id}/*`),
    get(`Patient/${id}/$everything?_count=200`, 'Patient'),
    get(`Patient/${id}/$meta`, 'Patient'),
    get(`Patient/${id}/$validate`, 'Patient'),
    get(`Observation/$lastn?patient=${id}&code=a,B,c-1&max=2`, 'Observation'),
    get(`Observation/$lastn?patient=${id}&code:missing=false&max=50`, 'Observation'),
    get(`Observation/$stats?subject=Patient/${id}&system=http://loinc.org&code=a&statistic=count`, 'Observation'),
    get(`Observation/${id}`, 'Observation'),
    get(`Organization/${id}`, 'Organization'),
    graphql(`{Patient(id:"${id}"){id ObservationList(_reference:patient){id}}}`, 'Patient', 'Observation'),
  ),
);

const searches = randomQuery.map((url) => get(`${url}&_count=200&_total=accurate`, url.split('?')[0] ?? ''));

const single = fc.oneof({ weight: 4, arbitrary: searches }, { weight: 3, arbitrary: pick(...fixed) }, ofPatient);

const bundle = fc
  .tuple(pick('batch', 'transaction'), fc.array(single, { minLength: 2, maxLength: 4 }))
  .map(([type, paths]): Path => ({
    url: '',
    needs: paths.flatMap(({ needs }) => needs),
    body: {
      resourceType: 'Bundle',
      type,
      entry: paths.map(({ url }) => ({ request: { method: 'GET', url: encodeURI(decodeURI(url)) } })),
    },
  }));

export const randomPath: fc.Arbitrary<Path> = fc.oneof(
  { weight: 8, arbitrary: single },
  { weight: 1, arbitrary: bundle },
);
