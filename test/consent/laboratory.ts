/** What the tests of consent share: a patient with a few resources, consents about him, and callers who are bound by them. */
import type { About } from '../../src/identity/token.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { glucose, type Json } from './provisions.ts';
import { makeLaboratory, signIn, type Laboratory, type LaboratoryOptions } from '../server.ts';

export * from './provisions.ts';

export const headers = { 'content-type': 'application/fhir+json' };

/** @throws Error with the answer where it is refused. */
export async function put(lab: Laboratory, resource: Json): Promise<void> {
  const path = `${String(resource['resourceType'])}/${String(resource['id'])}`;
  const answer = await lab.fetch(path, { method: 'PUT', headers, body: JSON.stringify(resource) });
  if (answer.status >= 300) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
}

export async function get(
  lab: Laboratory,
  path: string,
  more: Record<string, string> = {},
): Promise<{ status: number; json: Json }> {
  const answer = await lab.fetch(path, { headers: more });
  return { status: answer.status, json: (await answer.json()) as Json };
}

/** `Type/id` of the entries of a Bundle, sorted. */
export function entriesOf(bundle: Json): string[] {
  const entries = (bundle['entry'] ?? []) as { resource: Json }[];
  return entries.map(({ resource }) => `${String(resource['resourceType'])}/${String(resource['id'])}`).sort();
}

export function observation(id: string, more: Json = {}): Json {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [glucose] },
    subject: { reference: 'Patient/p' },
    effectiveDateTime: '2026-01-10T08:00:00Z',
    valueString: 'a',
    ...more,
  };
}

export const bound: About = {
  fhirUser: 'Practitioner/a',
  roles: ['technician'],
  purposes: ['TREAT'],
  clearance: 'all',
  consent: 'enforced',
  actors: ['Practitioner/a', 'Organization/o'],
};

/** A caller whom consents bind. */
export function boundCaller(tenant: Tenant, about: About = {}, scopes = 'user/*.cruds'): Promise<Laboratory> {
  return signIn(tenant, scopes, 'someone', { ...bound, ...about });
}

/** A laboratory with the patients p and q and who treats them. */
export async function laboratoryWithPatients(options: LaboratoryOptions = {}): Promise<Laboratory> {
  const lab = await makeLaboratory(options);
  for (const id of ['p', 'q']) await put(lab, { resourceType: 'Patient', id, name: [{ family: id.toUpperCase() }] });
  for (const id of ['a', 'b']) await put(lab, { resourceType: 'Practitioner', id });
  await put(lab, { resourceType: 'Organization', id: 'o', name: 'O' });
  return lab;
}
