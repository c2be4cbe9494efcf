/** A laboratory with the starter catalogue, and asking it as its people do. */
import { expect } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { createLog } from '../../src/log.ts';
import { loadCatalogue } from '../../src/start/catalogue.ts';
import { shared } from '../../src/start/http.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory, type LaboratoryOptions } from '../server.ts';

const event = { kind: 'settings-changed', deed: 'makhbar catalogue load' } as const;

export function load(lab: Laboratory): ReturnType<typeof loadCatalogue> {
  const config = readConfig({ DATA_DIR: testServer().dataDir });
  return loadCatalogue(shared(config, testDatabase(), createLog('silent')), lab.tenant, event);
}

export async function laboratoryWithCatalogue(options: LaboratoryOptions = {}): Promise<Laboratory> {
  const lab = await makeLaboratory(options);
  await load(lab);
  return lab;
}

export interface Said {
  readonly status: number;
  readonly body: JsonObject;
  /** The sentence of a refusal. */
  readonly said: string;
}

export async function send(lab: Laboratory, path: string, body: JsonObject, method = 'POST'): Promise<Said> {
  const answer = await lab.fetch(path, {
    method,
    headers: { 'content-type': 'application/fhir+json', prefer: 'return=representation' },
    body: JSON.stringify(body),
  });
  return said(answer);
}

export async function said(answer: Response): Promise<Said> {
  const text = await answer.text();
  const body = (text === '' ? {} : JSON.parse(text)) as JsonObject;
  const issues = (body['resourceType'] === 'OperationOutcome' ? body['issue'] : []) as { diagnostics?: string }[];
  return { status: answer.status, body, said: issues.map(({ diagnostics }) => diagnostics).join(' ') };
}

export type Given = string | number | boolean | JsonObject;

/** Parameters; an object with a resourceType is a resource, another a Reference. */
export function parameters(given: Readonly<Record<string, Given | readonly Given[]>>): JsonObject {
  const parameter = Object.entries(given).flatMap(([name, values]) =>
    (Array.isArray(values) ? (values as readonly Given[]) : [values as Given]).map((value): JsonObject => {
      if (typeof value === 'number') return { name, valueDecimal: value };
      if (typeof value === 'boolean') return { name, valueBoolean: value };
      if (typeof value === 'string') return { name, valueString: value };
      return 'resourceType' in value ? { name, resource: value } : { name, valueReference: value };
    }),
  );
  return { resourceType: 'Parameters', parameter };
}

/** Calls an operation and expects that it is done. */
export async function done(
  lab: Laboratory,
  path: string,
  given: Parameters<typeof parameters>[0] = {},
): Promise<JsonObject> {
  const answer = await send(lab, path, parameters(given));
  expect([path, answer.status, answer.said]).toEqual([path, answer.status < 300 ? answer.status : 200, '']);
  return answer.body;
}

/** Resources of a parameter. */
export function resourcesOf(answer: JsonObject, name: string): JsonObject[] {
  return ((answer['parameter'] ?? []) as JsonObject[])
    .filter((one) => one['name'] === name)
    .map(({ resource }) => resource as JsonObject);
}

export async function found(lab: Laboratory, query: string): Promise<JsonObject[]> {
  const bundle = (await (await lab.fetch(query)).json()) as { entry?: { resource: JsonObject }[] };
  return (bundle.entry ?? []).map(({ resource }) => resource);
}

export async function addPatient(lab: Laboratory, more: JsonObject = {}): Promise<string> {
  const { body } = await send(lab, 'Patient', { resourceType: 'Patient', ...more });
  return `Patient/${String(body['id'])}`;
}
