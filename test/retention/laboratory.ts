/** What the tests of retention share: events of long ago that are sealed, runs, and what $verify says. */
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../src/fhir/json.ts';
import { putEvents, type Given } from '../audit/log.ts';
import { officer, parameters, send } from '../erasure/laboratory.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';

export interface Kept extends Laboratory {
  readonly dpo: Laboratory;
}

export async function laboratory(): Promise<Kept> {
  const lab = await makeLaboratory();
  return { ...lab, dpo: await officer(lab.tenant, 0, 'user/*.cruds system/AuditEvent.rs manage/privacy') };
}

/** FHIR instant. */
export function ago(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}

export const read = (at: string, patient = 'p', id = 'o'): Given => ({
  at,
  kind: 'read',
  touched: [{ type: 'Observation', id, version: 1 }],
  patients: [patient],
});

export const signedIn = (at: string): Given => ({
  at,
  kind: 'sign-in',
  agent: { subject: 's', client: 'c', roles: [] },
});

/** Puts events and waits for their seal. */
export async function sealed(lab: Laboratory, given: readonly Given[]): Promise<string[]> {
  const ids = await putEvents(lab.tenant.id, given);
  await untilSealed(lab, ids);
  return ids;
}

export async function untilSealed(lab: Laboratory, ids: readonly string[]): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(100)) {
    if ((await lab.fetch(`AuditEvent/${ids.at(-1)}/$proof`)).status === 200) return;
  }
  throw new Error('not sealed in time');
}

export interface Part extends JsonObject {
  readonly name: string;
  readonly part?: Part[];
}

/** A part's value or, where it has parts, those by their names. */
function valueOf(part: Part): unknown {
  if (part.part !== undefined) return valuesOf(part.part);
  return Object.entries(part).find(([key]) => key.startsWith('value'))?.[1];
}

export function valuesOf(parts: readonly Part[] = []): Record<string, unknown> {
  return Object.fromEntries(parts.map((part) => [part.name, valueOf(part)]));
}

export function partsOf(answer: Record<string, unknown>, name: string): Record<string, unknown>[] {
  const all = (answer['parameter'] ?? []) as Part[];
  return all.filter((part) => part.name === name).map((part) => valueOf(part) as Record<string, unknown>);
}

export interface Shown {
  readonly id: string;
  readonly state: string;
  readonly found: Record<string, number>;
  readonly removed: Record<string, number>;
}

function shown(answer: Record<string, unknown>): Shown {
  const run = ((answer['parameter'] ?? []) as Part[])[0];
  const counts = (name: string): Record<string, number> =>
    Object.fromEntries(
      (run?.part ?? [])
        .filter((part) => part.name === name)
        .map((part) => valuesOf(part.part))
        .map(({ category, count }) => [String(category), Number(count)]),
    );
  const { id, state } = valuesOf(run?.part);
  return { id: String(id), state: String(state), found: counts('found'), removed: counts('removed') };
}

export async function announced({ dpo }: Kept): Promise<Shown> {
  return shown(await send(dpo, 'POST', '$retention-run', parameters({})));
}

export async function runOf({ dpo }: Kept, id: string): Promise<Shown> {
  return shown(await send(dpo, 'GET', `$retention-runs?run=${id}`));
}

/** Has a run carried out and waits for its end. */
export async function applied(lab: Kept, id: string): Promise<Shown> {
  await send(lab.dpo, 'POST', '$retention-run', parameters({ dryRun: 'false', run: id }));
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(100)) {
    const run = await runOf(lab, id);
    if (run.state === 'applied') return run;
  }
  throw new Error('not carried out in time');
}

export async function verified(lab: Laboratory): Promise<Record<string, unknown>> {
  const answer = await send(lab, 'GET', 'AuditEvent/$verify');
  return valuesOf(answer['parameter'] as Part[]);
}
