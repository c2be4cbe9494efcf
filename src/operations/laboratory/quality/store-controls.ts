/**
 * Results of controls, stored as they are judged against what was measured of the lot before, and what follows: results of
 * patients that are held, or let go.
 */
import { setMember, type JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { newId } from '../../../interactions/new-id.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { figures } from '../../../laboratory/quality/levey-jennings.ts';
import { judge, type Judged, type WestgardRule } from '../../../laboratory/quality/westgard.ts';
import { catalogueSystem, interpretationSystem, text, ucumSystem } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { changed, made, writeAll, writtenResource, type Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import { holdTask, isControlDue, isHeld, openHolds, type Hold } from './control-holds.ts';
import { controlCategory, controlExtension, controlPoints, type ControlPointOf } from './control-results.ts';
import { holdResults } from './hold-results.ts';

/** Fewer say too little of a standard deviation (CLSI C24). */
const enough = 20;
/** How far the rules look back: 10x over three levels. */
const lookBack = 60;

export interface MeasuredControl {
  readonly analyte: string;
  readonly level: string;
  readonly value: string;
  readonly mean?: string;
  readonly sd?: string;
  /** UCUM. */
  readonly unit?: string;
  /** `Observation/1`: as the analyzer sent it. */
  readonly derivedFrom?: string;
}

export interface Run {
  readonly device: string;
  readonly lot: string;
  readonly run: string;
  readonly time: string;
  readonly rules: readonly WestgardRule[];
}

/** Results of one analyte as they were judged, before anything of them is written. */
export interface JudgedRun {
  readonly run: Run;
  readonly analyte: string;
  readonly judged: readonly Judged[];
  readonly prepared: readonly Prepared[];
  /** What an analyzer corrected counts no more. */
  readonly ended: readonly Prepared[];
}

/** @throws OutcomeError `business-rule` (422) where there is no target, nor enough results to compute it from. */
export async function judgeRun(
  server: Context,
  run: Run,
  analyte: string,
  measured: readonly MeasuredControl[],
): Promise<JudgedRun> {
  const from = new Date(Date.parse(run.time) - 366 * 86_400_000).toISOString();
  const asked = { tokens: [`${catalogueSystem}|${analyte}`], device: run.device, from, to: run.time };
  const replaced = await replacedBy(server, measured);
  const gone = new Set(replaced.map(({ resource }) => resource['id']));
  const history = (await controlPoints(server, asked)).filter(({ lot, id }) => lot === run.lot && !gone.has(id));
  const points = measured.map((one) => ({ ...run, ...one, value: Number(one.value), ...targetOf(one, history) }));
  const judged = judge([...history.slice(-lookBack), ...points.map(numbers)], run.rules).slice(-points.length);
  const own = points.map((point, i) =>
    made(server, controlOf(run, measured[i]!, { mean: point.mean, sd: point.sd, broken: judged[i]!.broken }), newId()),
  );
  const ended = replaced.map(({ resource, version }) =>
    changed(server, { ...resource, status: 'entered-in-error' }, version),
  );
  return { run, analyte, judged, prepared: own, ended };
}

/** @returns parameters of the answer */
export async function storeRun(server: Context, one: JudgedRun): Promise<JsonObject[]> {
  const { run, analyte, judged, prepared, ended } = one;
  await writeAll(server, [...ended, ...prepared]);
  const failed = judged.findIndex(({ rejected }) => rejected);
  const answered = prepared.map((one) => ({ name: 'result', resource: writtenResource(one) }));
  const hold = { analyte, device: run.device };
  const holds = await openHolds(server);
  if (failed < 0) return [...answered, ...(await freed(server, hold, holds, run.time))];
  if (
    isHeld(
      holds.filter((one) => !isControlDue(one)),
      analyte,
      run.device,
    )
  )
    return answered;
  const rules = judged[failed]!.broken;
  const task = made(server, holdTask(hold, `Observation/${prepared[failed]!.entry.id}`, rules, run.time));
  await writeAll(server, [task]);
  await holdResults(server, hold, 'hold', `Held: the control of ${analyte} failed (${rules.join(', ')}).`);
  return [...answered, { name: 'hold', resource: writtenResource(task) }];
}

/** What was judged before of what the analyzer has corrected since. */
async function replacedBy(server: Context, measured: readonly MeasuredControl[]): Promise<Known[]> {
  const origins = measured.flatMap(({ derivedFrom }) => derivedFrom ?? []);
  if (origins.length === 0) return [];
  return knownBy(server, 'Observation', [
    ['derived-from', origins.join()],
    ['category', `${controlCategory.system}|${controlCategory.code}`],
    ['status', 'final'],
  ]);
}

/** What waited for this control since a calibration or another reagent lot. */
async function freed(server: Context, hold: Hold, holds: readonly Known[], time: string): Promise<JsonObject[]> {
  const own = holds.filter((one) => isHeld([one], hold.analyte, hold.device));
  const ended = own.filter(
    (one) => isControlDue(one) && Date.parse(text(one.resource['authoredOn']) ?? '') <= Date.parse(time),
  );
  if (ended.length === 0) return [];
  const closed = ended.map(({ resource, version }) => changed(server, { ...resource, status: 'completed' }, version));
  await writeAll(server, closed);
  if (ended.length === own.length) await holdResults(server, hold, 'unhold', `The control of ${hold.analyte} passed.`);
  return closed.map((one) => ({ name: 'hold', resource: writtenResource(one) }));
}

function numbers<T extends { readonly mean: string; readonly sd: string }>(
  point: T,
): Omit<T, 'mean' | 'sd'> & { mean: number; sd: number } {
  return { ...point, mean: Number(point.mean), sd: Number(point.sd) };
}

function targetOf(
  { mean, sd, level, analyte }: MeasuredControl,
  history: readonly ControlPointOf[],
): { mean: string; sd: string } {
  if (mean !== undefined && sd !== undefined) return { mean, sd };
  const own = history.filter((one) => one.level === level).map(({ value }) => value);
  const computed = figures(own);
  if (own.length >= enough && computed.sd !== undefined && computed.sd > 0) {
    return { mean: mean ?? String(computed.mean), sd: sd ?? String(computed.sd) };
  }
  throw outcomeError(
    'business-rule',
    `The control of ${analyte}, level ${level.slice(0, 40)}, has no mean and sd, and only ${own.length} results of this lot, not ${enough}, to compute them from.`,
  );
}

function controlOf(
  { device, lot, run, time }: Run,
  { analyte, level, value, unit, derivedFrom }: MeasuredControl,
  { mean, sd, broken }: { mean: string; sd: string; broken: readonly string[] },
): JsonObject {
  const quantity: JsonObject = {};
  setMember(quantity, 'value', Number(value), value);
  if (unit !== undefined) Object.assign(quantity, { unit, system: ucumSystem, code: unit });
  const rejected = broken.some((rule) => rule !== '1-2s');
  return {
    resourceType: 'Observation',
    extension: [controlExtension({ level, lot, run, mean, sd, broken })],
    status: 'final',
    category: [{ coding: [controlCategory] }],
    code: { coding: [{ system: catalogueSystem, code: analyte }] },
    effectiveDateTime: time,
    device: { reference: device },
    valueQuantity: quantity,
    interpretation: [{ coding: [{ system: interpretationSystem, code: rejected ? 'A' : 'N' }] }],
    ...(derivedFrom !== undefined && { derivedFrom: [{ reference: derivedFrom }] }),
  };
}
