/**
 * Observation/$analyzer-change: an analyzer was calibrated, or got reagents of another lot.
 *
 *   POST [base]/Observation/$analyzer-change    device, kind, analyte…, lot?, time?, note?    200: Parameters with result, hold…
 *
 * `kind` is calibration or reagent-lot; a lot needs its number. $levey-jennings shows it as a mark. With the setting
 * `controlAfterChange` results of these analytes and this analyzer are held from then on until a control passes.
 */
import { outcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { missing, oneOf, textOf } from '../../request-input.ts';
import { referenceIn, timeIn } from '../input.ts';
import { asServer, made, writeAll, writtenResource } from '../server-rights.ts';
import { changeKinds, changeObservation, type AnalyzerChange } from './analyzer-changes.ts';
import { controlDueTask } from './control-holds.ts';
import { holdResults } from './hold-results.ts';

/** Of one reagent pack or calibrator. */
const mostAnalytes = 100;

export async function analyzerChange(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['device', 'kind', 'analyte', 'lot', 'time', 'note']);
  const change = changeIn(input, context);
  return inTransaction(context, async (inside) => {
    const server = asServer(inside);
    const stored = made(server, changeObservation(change));
    const { device, time, kind, analytes } = change;
    const isDue = inside.tenant.settings.controlAfterChange === true;
    const holds = (isDue ? analytes : []).map((analyte) =>
      made(server, controlDueTask({ analyte, device }, `Observation/${stored.entry.id}`, kind, time)),
    );
    await writeAll(server, [stored, ...holds]);
    for (const analyte of isDue ? analytes : [])
      await holdResults(server, { analyte, device }, 'hold', `Held: a control of ${analyte} is due after ${kind}.`);
    const parameter = [
      { name: 'result', resource: writtenResource(stored) },
      ...holds.map((one) => ({ name: 'hold', resource: writtenResource(one) })),
    ];
    return { status: 200, resource: { resourceType: 'Parameters', parameter } };
  });
}

function changeIn(input: Input, { caller }: Context): AnalyzerChange {
  const kind = oneOf(input, 'kind', changeKinds) ?? missing('kind');
  const analytes = [...new Set(input.texts('analyte'))];
  if (analytes.length === 0) missing('analyte');
  if (analytes.length > mostAnalytes) throw outcomeError('too-costly', `At most ${mostAnalytes} analytes at once.`);
  if (!analytes.every((one) => /^[\w.-]{1,64}$/.test(one))) {
    throw outcomeError('invalid', 'analyte is a code of the catalogue, such as potassium.', { status: 400 });
  }
  const [lot, note] = [textOf(input, 'lot', 100), textOf(input, 'note', 1_000)];
  if (kind === 'reagent-lot' && lot === undefined) missing('lot');
  return {
    kind,
    device: referenceIn(input, 'device', ['Device']) ?? missing('device'),
    analytes,
    time: timeIn(input, 'time', new Date()),
    ...(lot !== undefined && { lot }),
    ...(note !== undefined && { note }),
    ...(/^Practitioner(Role)?\//.test(caller.fhirUser ?? '') && { performer: String(caller.fhirUser) }),
  };
}
