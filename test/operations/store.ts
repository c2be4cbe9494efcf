/** Fills a laboratory for the tests of operations, and reads what it answers. */
import { expect } from '@jest/globals';
import type { Laboratory } from '../server.ts';

export type Json = Record<string, unknown>;

/** Stores the resources under their ids; numbers may be texts of JSON, so that their digits stay. */
export async function store(lab: Laboratory, resources: readonly Json[]): Promise<void> {
  const entry = resources.map((resource) => ({
    resource,
    request: { method: 'PUT', url: `${String(resource['resourceType'])}/${String(resource['id'])}` },
  }));
  const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }).replace(/"#(-?[\d.]+)#"/g, '$1');
  const answer = await lab.fetch('', { method: 'POST', body, headers: { 'content-type': 'application/fhir+json' } });
  expect([answer.status, answer.ok ? '' : await answer.text()]).toEqual([200, '']);
}

/** A number with exactly these digits, for `store`. */
export const digits = (text: string): string => `#${text}#`;

export async function ask(
  lab: Laboratory,
  path: string,
  body?: Json,
): Promise<{ status: number; json: Json; text: string }> {
  const init = body && {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/fhir+json' },
  };
  const answer = await lab.fetch(path, init ?? {});
  const text = await answer.text();
  return { status: answer.status, json: JSON.parse(text) as Json, text };
}

/** The ids of a Bundle's entries, in order. */
export function ids(bundle: Json): string[] {
  return ((bundle['entry'] ?? []) as { resource: { id: string } }[]).map(({ resource }) => resource.id);
}

/** The first sentence of an OperationOutcome. */
export function sentence(outcome: Json): string {
  return String((outcome['issue'] as Json[] | undefined)?.[0]?.['diagnostics']);
}

export const patient = (id: string, more: Json = {}): Json => ({ resourceType: 'Patient', id, ...more });

export function observation(id: string, subject: string, more: Json): Json {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    subject: { reference: subject },
    ...more,
  };
}

/** `a`, `other|b` and texts in quotes → CodeableConcept */
export function concept(...codes: string[]): Json {
  const coding = codes
    .filter((code) => !code.startsWith('"'))
    .map((code) => {
      const [system, own] = code.includes('|') ? code.split('|') : ['http://loinc.org', code];
      return { system, code: own };
    });
  const [text] = codes.filter((code) => code.startsWith('"')).map((code) => code.slice(1, -1));
  return { ...(coding.length > 0 && { coding }), ...(text !== undefined && { text }) };
}
