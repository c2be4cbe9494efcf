/**
 * Observation/$control-run: results of controls, from an analyzer or by hand, judged by the Westgard rules.
 *
 *   POST [base]/Observation/$control-run    device, lot or control, run?, time?, rule…, result…    200: Parameters with result…, hold…
 *
 * With `lot` a `result` has the parts analyte (code of the catalogue), level, value, and mean and sd: the target. Without a target the mean and the
 * standard deviation of the last results of this lot and level are taken, of which there must be 20.
 *
 * With `control`, what the analyzer calls the material (an identifier of its Substance, laboratory/quality/control-material.ts), the lot, the
 * level and the targets are the material's; a `result` has the parts analyte (code of the catalogue or any coding of it), value, unit?
 * (UCUM: it is converted), derivedFrom? (the Observation that the analyzer sent). An analyzer's controls come so (gateways/controls.ts).
 *
 * Where a rule other than the warning 1-2s is broken, results of this analyte and analyzer that are not released are held,
 * and those to come, until $control-release.
 *
 * Where all pass, what $analyzer-change held since before is let go.
 *
 * For those who enter results. A control result is final as it is measured, which a result of a patient is not before its
 * release: the server writes it, so that who runs controls need not be allowed to release.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { isId } from '../../../fhir/reference.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import { usualRules, westgardRules } from '../../../laboratory/quality/westgard.ts';
import { object, text } from '../../../laboratory/terms.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { missing, textOf } from '../../request-input.ts';
import { referenceIn, timeIn } from '../input.ts';
import { asServer } from '../server-rights.ts';
import { decimalPart } from './control-results.ts';
import { findMaterial, measuredOfMaterial, type Sent } from './find-material.ts';
import { judgeRun, storeRun, type JudgedRun, type MeasuredControl, type Run } from './store-controls.ts';

const names = ['device', 'lot', 'control', 'run', 'time', 'rule', 'result'];

export async function controlRun(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, names);
  const [control, run] = [textOf(input, 'control', 200), runIn(input)];
  const results = input.parts('result');
  if (results.length === 0) missing('result');
  if (control === undefined && run.lot === '') missing('lot');
  return inTransaction(context, async (inside) => {
    const { lot, measured } =
      control === undefined
        ? { lot: run.lot, measured: results.map(measuredIn) }
        : await ofMaterial(inside, run, control, results.map(sentIn));
    const server = asServer(inside);
    const judged: JudgedRun[] = [];
    for (const [analyte, own] of Map.groupBy(measured, (one) => one.analyte)) {
      judged.push(await judgeRun(server, { ...run, lot }, analyte, own));
    }
    const parameter: JsonObject[] = [];
    for (const one of judged) parameter.push(...(await storeRun(server, one)));
    return { status: 200, resource: { resourceType: 'Parameters', parameter } };
  });
}

async function ofMaterial(
  inside: Context,
  { device, time }: Run,
  name: string,
  sent: readonly Sent[],
): Promise<{ lot: string; measured: MeasuredControl[] }> {
  const server = asServer(inside);
  const material = await findMaterial(server, { name, device, time });
  return { lot: material.lot, measured: await measuredOfMaterial(server, name, material, sent) };
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
    lot: textOf(input, 'lot', 100) ?? '',
    run: textOf(input, 'run', 100) ?? time,
    time,
    rules: rules.length > 0 ? rules : usualRules,
  };
}

function partOf(parts: readonly JsonObject[], name: string): JsonObject | undefined {
  return parts.find((one) => one['name'] === name);
}

function numberIn(parts: readonly JsonObject[], name: string): string | undefined {
  const written = decimalPart(partOf(parts, name));
  if (written === undefined || /^-?\d{1,12}(\.\d{1,12})?$/.test(written)) return written;
  throw outcomeError('invalid', `${name} is a number, not "${written.slice(0, 40)}".`, { status: 400 });
}

function measuredIn(parts: readonly JsonObject[]): MeasuredControl {
  const [mean, sd] = [numberIn(parts, 'mean'), numberIn(parts, 'sd')];
  if (sd !== undefined && Number(sd) <= 0)
    throw outcomeError('value', 'The standard deviation of a control is above 0.');
  const [named, level] = [partOf(parts, 'analyte'), partOf(parts, 'level')];
  const analyte = text(named?.['valueString']) ?? text(named?.['valueCode']) ?? missing('analyte');
  if (!/^[\w.-]{1,64}$/.test(analyte)) {
    throw outcomeError('invalid', 'analyte is a code of the catalogue, such as potassium.', { status: 400 });
  }
  return {
    analyte,
    level: text(level?.['valueString']) ?? missing('level'),
    value: numberIn(parts, 'value') ?? missing('value'),
    ...(mean !== undefined && { mean }),
    ...(sd !== undefined && { sd }),
  };
}

/** Of a material that says its level and target itself. */
function sentIn(parts: readonly JsonObject[]): Sent {
  const named = partOf(parts, 'analyte');
  const { system, code } = object(named?.['valueCoding']);
  const coded = code === undefined ? undefined : `${text(system) ?? ''}|${text(code) ?? ''}`;
  const unit = text(partOf(parts, 'unit')?.['valueString']);
  const origin = text(object(partOf(parts, 'derivedFrom')?.['valueReference'])['reference']);
  if (origin !== undefined && !(origin.startsWith('Observation/') && isId(origin.slice('Observation/'.length)))) {
    throw outcomeError('invalid', 'derivedFrom is a reference such as Observation/7.', { status: 400 });
  }
  return {
    analyte: coded ?? text(named?.['valueString']) ?? text(named?.['valueCode']) ?? missing('analyte'),
    value: numberIn(parts, 'value') ?? missing('value'),
    ...(unit !== undefined && { unit }),
    ...(origin !== undefined && { derivedFrom: origin }),
  };
}
