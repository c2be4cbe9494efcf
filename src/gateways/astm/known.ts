/** What the laboratory knows of the specimens that results of an analyzer name: whose they are, and what was ordered. */
import { storing } from '../../interactions/processing-restriction.ts';
import type { JsonObject } from '../../fhir/json.ts';
import type { Context } from '../../request.ts';
import type { Work } from '../../translation/astm/results.ts';
import { findAll, findSpecimens, idOf } from '../find.ts';

/** Specimens of one message that are looked up. */
const most = 500;

/** Of several that have a number none is meant. */
export async function knownWork(context: Context, numbers: readonly string[]): Promise<ReadonlyMap<string, Work>> {
  // What arrives is stored, also where processing is restricted.
  const inside = storing(context);
  const found = new Map<string, Work>();
  for (const number of numbers.slice(0, most)) {
    const [specimen, ...more] = await findSpecimens(inside, number);
    if (specimen !== undefined && more.length === 0) found.set(number, await workOf(inside, specimen));
  }
  return found;
}

async function workOf(context: Context, specimen: JsonObject): Promise<Work> {
  const subject = specimen['subject'] as JsonObject | undefined;
  const id = idOf(subject, 'Patient');
  const [patients, orders] = await Promise.all([
    findAll(context, 'Patient', '_id', id === undefined ? [] : [id]),
    ordersOf(context, specimen),
  ]);
  return {
    specimen: { reference: `Specimen/${String(specimen['id'])}` },
    subject,
    patientNumbers: patients.flatMap((patient) => valuesOf(patient['identifier'])),
    requests: orders.map((order) => ({
      reference: `ServiceRequest/${String(order['id'])}`,
      codes: codingsOf(order['code']),
    })),
  };
}

/** Those that name the specimen, and those that it names. */
export async function ordersOf(context: Context, specimen: JsonObject): Promise<JsonObject[]> {
  const named = ((specimen['request'] ?? []) as JsonObject[]).flatMap((one) => idOf(one, 'ServiceRequest') ?? []);
  const orders = [
    ...(await findAll(context, 'ServiceRequest', 'specimen', [`Specimen/${String(specimen['id'])}`])),
    ...(await findAll(context, 'ServiceRequest', '_id', named)),
  ];
  return [...new Map(orders.map((order) => [order['id'], order])).values()];
}

export function valuesOf(identifiers: unknown): string[] {
  return ((identifiers ?? []) as { value?: string }[]).flatMap(({ value }) => value ?? []);
}

function codingsOf(code: unknown): { system: string; code: string }[] {
  const { coding = [] } = (code ?? {}) as { coding?: { system?: string; code?: string }[] };
  return coding.map((one) => ({ system: one.system ?? '', code: one.code ?? '' }));
}
