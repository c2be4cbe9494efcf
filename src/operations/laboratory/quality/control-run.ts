/**
 * Observation/$control-run: results of controls, from an analyzer or by hand, judged by the Westgard rules.
 *
 *   POST [base]/Observation/$control-run    device, lot, run?, time?, rule…, result…    200: Parameters with result…, hold…
 *
 * `result` has the parts analyte (code of the catalogue), level, value, and mean and sd: the target. Without a target the mean and the
 * standard deviation of the last results of this lot and level are taken, of which there must be 20.
 *
 * Where a rule other than the warning 1-2s is broken, results of this analyte and analyzer that are not released are held,
 * and those to come, until $control-release.
 *
 * Where all pass, what $analyzer-change held since before is let go.
 *
 * For those who enter results. A control result is final as it is measured, which a result of a patient is not before its
 * release: the server writes it, so that who runs controls need not be allowed to release.
 */
import { setMember, type JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import { newId } from '../../../interactions/new-id.ts';
import { figures } from '../../../laboratory/quality/levey-jennings.ts';
import { judge, usualRules, westgardRules, type WestgardRule } from '../../../laboratory/quality/westgard.ts';
import { catalogueSystem, interpretationSystem, text } from '../../../laboratory/terms.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { missing, textOf } from '../../request-input.ts';
import { referenceIn, timeIn } from '../input.ts';
import { asServer, changed, made, writeAll, writtenResource, type Known } from '../server-rights.ts';
import { holdTask, isControlDue, isHeld, openHolds, type Hold } from './control-holds.ts';
import {
  controlCategory,
  controlExtension,
  controlPoints,
  decimalPart,
  type ControlPointOf,
} from './control-results.ts';
import { holdResults } from './hold-results.ts';

/** Fewer say too little of a standard deviation (CLSI C24). */
const enough = 20;
/** How far the rules look back: 10x over three levels. */
const lookBack = 60;

interface Measured {
  readonly analyte: string;
  readonly level: string;
  readonly value: string;
  readonly mean?: string;
  readonly sd?: string;
}

interface Run {
  readonly device: string;
  readonly lot: string;
  readonly run: string;
  readonly time: string;
  readonly rules: readonly WestgardRule[];
}

export async function controlRun(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['device', 'lot', 'run', 'time', 'rule', 'result']);
  const run = runIn(input);
  const measured = input.parts('result').map(measuredIn);
  if (measured.length === 0) missing('result');
  return inTransaction(context, async (inside) => {
    const parameter: JsonObject[] = [];
    for (const [analyte, own] of Map.groupBy(measured, (one) => one.analyte)) {
      parameter.push(...(await stored(inside, run, analyte, own)));
    }
    return { status: 200, resource: { resourceType: 'Parameters', parameter } };
  });
}

function runIn(input: Input): Run {
  const time = timeIn(input, 'time', new Date());
  const rules = input.texts('rule').map((name) => {
    const rule = westgardRules.find((one) => one === name);
    if (rule !== undefined) return rule;
    throw outcomeError('invalid', `rule is one of ${westgardRules.join(', ')}, not "${name.slice(0, 20)}".`, {
      status: 400,
    });
  });
  return {
    device: referenceIn(input, 'device', ['Device']) ?? missing('device'),
    lot: textOf(input, 'lot', 100) ?? missing('lot'),
    run: textOf(input, 'run', 100) ?? time,
    time,
    rules: rules.length > 0 ? rules : usualRules,
  };
}

function measuredIn(parts: readonly JsonObject[]): Measured {
  const find = (name: string): JsonObject | undefined => parts.find((one) => one['name'] === name);
  const number = (name: string): string | undefined => {
    const written = decimalPart(find(name));
    if (written === undefined || /^-?\d{1,12}(\.\d{1,12})?$/.test(written)) return written;
    throw outcomeError('invalid', `${name} is a number, not "${written.slice(0, 40)}".`, { status: 400 });
  };
  const [mean, sd] = [number('mean'), number('sd')];
  if (sd !== undefined && Number(sd) <= 0)
    throw outcomeError('value', 'The standard deviation of a control is above 0.');
  const analyte = text(find('analyte')?.['valueString']) ?? text(find('analyte')?.['valueCode']) ?? missing('analyte');
  if (!/^[\w.-]{1,64}$/.test(analyte)) {
    throw outcomeError('invalid', 'analyte is a code of the catalogue, such as potassium.', { status: 400 });
  }
  return {
    analyte,
    level: text(find('level')?.['valueString']) ?? missing('level'),
    value: number('value') ?? missing('value'),
    ...(mean !== undefined && { mean }),
    ...(sd !== undefined && { sd }),
  };
}

async function stored(
  inside: Context,
  run: Run,
  analyte: string,
  measured: readonly Measured[],
): Promise<JsonObject[]> {
  const server = asServer(inside);
  const from = new Date(Date.parse(run.time) - 366 * 86_400_000).toISOString();
  const asked = { tokens: [`${catalogueSystem}|${analyte}`], device: run.device, from, to: run.time };
  const history = (await controlPoints(server, asked)).filter(({ lot }) => lot === run.lot);
  const points = measured.map((one) => ({ ...run, ...one, value: Number(one.value), ...targetOf(one, history) }));
  const judged = judge([...history.slice(-lookBack), ...points.map(numbers)], run.rules).slice(-points.length);
  const prepared = points.map((point, i) =>
    made(server, controlOf(run, measured[i]!, { mean: point.mean, sd: point.sd, broken: judged[i]!.broken }), newId()),
  );
  await writeAll(server, prepared);
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
  { mean, sd, level, analyte }: Measured,
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
  { analyte, level, value }: Measured,
  { mean, sd, broken }: { mean: string; sd: string; broken: readonly string[] },
): JsonObject {
  const quantity: JsonObject = {};
  setMember(quantity, 'value', Number(value), value);
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
  };
}
