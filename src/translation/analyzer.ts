/**
 * LAB-29, OUL^R22 of an analyzer: results of work order steps. IHE PaLM TF-2b 3.29; read in the order of its segments:
 *
 *   SPM, SAC → the specimen; its number is SPM-2, else SAC-3. SPM-11: a patient's (P, L pooled, G group, R replicate), or a
 *              control (Q and all others)
 *   OBR, ORC → the step: OBR-2 is the number that LAB-28 gave it; `""` is work that the analyzer was not asked for
 *   OBX      → a result; raw and supplemental data of it where OBX-3.4, OBX-8 or OBX-29 is S_RAW, S_OTHER or its like
 *   INV, TCD → of the result, order or specimen before it
 *
 * 1. A result belongs to the patient of its order, else of its specimen, else of PID. An analyzer is no source of what a
 *    patient is called: PID finds, or makes, and changes nobody.
 * 2. Controls and raw or supplemental data are no results of a patient: their subject is the Device, their category
 *    `quality-control` or `supplemental`; a result is `derivedFrom` its raw data. Each run of a control is its own.
 * 3. An order that OBR-2 names and nobody knows is not invented: the result is kept without, and that is said.
 * 4. OBX-18 is the Device (model, serial number, module as one identifier), unless the interface names it. A lot of INV is a
 *    Device with lotNumber and expirationDate, named by the extension observation-consumable; a dilution (TCD-2, TCD-3) is a
 *    note. R4 has no element for either.
 * 5. What an analyzer reports is no DiagnosticReport: the laboratory makes that.
 */
import type { JsonObject } from '../fhir/json.ts';
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type FieldReader, type Message } from '../hl7v2/message.ts';
import { controlMaterial } from './codes.ts';
import { allOf, byIdentifier, concept, entityIdentifier, humanName, identifier, object, present } from './datatypes.ts';
import { addLots, dilutions } from './inventory.ts';
import { observation } from './observation.ts';
import { presentedForm } from './report.ts';
import { addNotes, isDocument } from './results.ts';
import { specimen } from './specimen.ts';
import { dateOnly } from './times.ts';
import type { Analyzer, AnalyzerOrder, Target } from './translation.ts';

export const workSystem = 'urn:makhbar:analyzer-work';
export const workCode = { system: 'urn:makhbar:task', code: 'analyzer-work' };
export const kindSystem = 'urn:makhbar:observation-kind';

interface Result {
  readonly obx: FieldReader;
  readonly sequence: number;
  readonly notes: string[];
  readonly inventory: FieldReader[];
}

interface Step {
  readonly pid: FieldReader | undefined;
  readonly spm: FieldReader | undefined;
  sac: FieldReader | undefined;
  readonly obr: FieldReader | undefined;
  orc?: FieldReader;
  readonly notes: string[];
  readonly inventory: FieldReader[];
  readonly results: Result[];
}

interface Reading {
  readonly target: Target;
  readonly analyzer: Analyzer;
  readonly authority: string;
  readonly seen: Map<string, number>;
}

export function analyzerResults(message: Message, target: Target): void {
  const { analyzer } = target.settings;
  if (analyzer === undefined) return;
  const { facility, application } = readHeader(message);
  const reading = { target, analyzer, authority: facility || application, seen: new Map<string, number>() };
  const steps = gather(message);
  if (steps.length === 0) {
    target.problem({
      code: '100',
      sentence: 'Results of an analyzer must have an SPM and an OBR.',
      place: { segment: 'OBR', sequence: 1 },
    });
  }
  for (const step of steps) translateStep(reading, step);
}

function gather(message: Message): Step[] {
  const steps: Step[] = [];
  let [pid, spm, sac]: (FieldReader | undefined)[] = [];
  let inventory: FieldReader[] = [];
  let [step, result]: [Step | undefined, Result | undefined] = [undefined, undefined];
  let sequence = 0;
  const open = (obr: FieldReader | undefined): Step => {
    const made: Step = { pid, spm, sac, obr, notes: [], inventory: [...inventory], results: [] };
    steps.push(made);
    result = undefined;
    return made;
  };
  for (const segment of readSegments(message)) {
    if (segment.name === 'PID') [pid, spm, sac, step] = [segment, undefined, undefined, undefined];
    else if (segment.name === 'SPM') [spm, sac, step, inventory] = [segment, undefined, undefined, []];
    else if (segment.name === 'SAC') sac = segment;
    else if (segment.name === 'OBR') step = open(segment);
    else if (segment.name === 'ORC' && step !== undefined) step.orc = segment;
    else if (segment.name === 'NTE') (result ?? step)?.notes.push(...segment.repetitions(3).map((one) => one.text()));
    else if (segment.name === 'TCD') (result ?? step)?.notes.push(...dilutions(segment));
    else if (segment.name === 'INV') (result?.inventory ?? step?.inventory ?? inventory).push(segment);
    else if (segment.name === 'OBX') {
      // What is said of a specimen before any order.
      step ??= open(undefined);
      result = { obx: segment, sequence: ++sequence, notes: [], inventory: [] };
      step.results.push(result);
    }
  }
  return steps;
}

/** Table 0369: whose specimen it is. '' says nothing, which is a patient's. */
const ofPatients: ReadonlySet<string> = new Set(['', 'P', 'L', 'G', 'R']);

function translateStep(reading: Reading, step: Step): void {
  const { target, analyzer, authority } = reading;
  const isControl = !ofPatients.has(step.spm?.text(11) ?? '');
  const number = step.obr?.text(2) ?? '';
  const order = isControl ? undefined : analyzer.order(number);
  const known = isControl ? undefined : analyzer.specimen(labelOf(step));
  const person = step.pid;
  const subject = isControl
    ? undefined
    : (order?.subject ?? known?.subject ?? (person && patientOf(target, person, authority)));
  const tube = isControl
    ? control(target, step)
    : (known?.reference ?? order?.specimen ?? tubeOf(reading, step, subject));
  if (number !== '' && order === undefined && !isControl) {
    target.problem({
      ...{ code: '204', severity: 'W', sentence: 'OBR-2 names no order of the laboratory; results are kept without.' },
      place: { segment: 'OBR', sequence: Number(step.obr?.text(1)) || 1, field: 2 },
    });
  }
  const of = { subject, tube, order, isControl };
  const made = step.results.map((result) => translateResult(reading, step, { ...of, result }));
  derive(target, step, made);
  if (order !== undefined) work(reading, step, order);
}

function labelOf({ spm, sac }: Pick<Step, 'spm' | 'sac'>): string {
  return (spm?.text(2, 1) || spm?.text(2, 2) || sac?.text(3)) ?? '';
}

function tubeOf(
  { target, authority }: Reading,
  { spm, sac }: Step,
  subject: JsonObject | undefined,
): JsonObject | undefined {
  return spm && specimen(target, spm, { subject, authority, sac });
}

/** Control material is no specimen of a patient, though its label may have the same number. */
function control(target: Target, { spm, sac }: Step): JsonObject | undefined {
  const value = labelOf({ spm, sac });
  if (spm === undefined || value === '') return undefined;
  const named = { system: controlMaterial, value };
  const place = { segment: 'SPM', sequence: Number(spm.text(1)) || 1, field: 4 };
  const type = concept(target, spm.first(4), place);
  const made = object({ resourceType: 'Specimen', identifier: [named], type, status: 'available' });
  return { ...target.add(made, [named]), identifier: named };
}

function patientOf(target: Target, pid: FieldReader, authority: string): JsonObject | undefined {
  const { settings } = target;
  const identifiers = allOf(pid, 3, (cx) => identifier(settings, cx, authority));
  if (identifiers.length === 0) return undefined;
  const name = allOf(pid, 5, (xpn) => humanName(xpn, settings.zone));
  const resource = object({ resourceType: 'Patient', identifier: identifiers, name, birthDate: dateOnly(pid.text(7)) });
  return target.add(resource, identifiers.flatMap(byIdentifier), 'keep');
}

interface ResultOf {
  readonly subject: JsonObject | undefined;
  readonly tube: JsonObject | undefined;
  readonly order: AnalyzerOrder | undefined;
  readonly isControl: boolean;
  readonly result: Result;
}

/** IHELAW: S_RAW, S_OTHER and other supplemental data of a result. */
function isSupplemental(obx: FieldReader): boolean {
  const told = [obx.text(3, 4), obx.text(3, 1), obx.text(4), obx.text(8), obx.text(29)];
  return told.some((code) => /^S_[A-Z]+$/.test(code));
}

interface MadeResult {
  readonly reference: JsonObject;
  readonly obx: FieldReader;
  readonly isSupplemental: boolean;
}

function translateResult(
  reading: Reading,
  step: Step,
  { subject, tube, order, isControl, result }: ResultOf,
): MadeResult | undefined {
  const { target, authority, seen } = reading;
  const { obx, sequence } = result;
  const supplemental = isSupplemental(obx);
  const device = deviceOf(reading, obx);
  const isApart = isControl || supplemental;
  const category = isApart ? [kind(isControl ? 'quality-control' : 'supplemental')] : undefined;
  if (isDocument(obx)) {
    const content = presentedForm(obx, target.settings.zone);
    const whose = isApart ? device : subject;
    if (content !== undefined && whose !== undefined) media(target, { content, whose, tube, device });
    return undefined;
  }
  const reference = observation(target, obx, {
    ...{ subject: isApart ? device : subject, encounter: undefined, specimen: tube, authority, obr: step.obr, seen },
    ...{ basedOn: order && !isApart ? { reference: `ServiceRequest/${order.id}` } : undefined, sequence },
    source: sourceOf(step, { order, isControl, obx }) + (supplemental ? '|supplemental' : ''),
  });
  const resource = reference && target.resource(reference);
  if (reference === undefined || resource === undefined) return undefined;
  resource['device'] = device;
  if (category !== undefined) resource['category'] = category;
  addLots(target, resource, [...step.inventory, ...result.inventory]);
  addNotes(target, reference, [...step.notes, ...result.notes]);
  return { reference, obx, isSupplemental: supplemental };
}

function kind(code: string): JsonObject {
  return { coding: [{ system: kindSystem, code }] };
}

function media(
  target: Target,
  {
    content,
    whose,
    tube,
    device,
  }: { content: JsonObject; whose: JsonObject; tube: JsonObject | undefined; device: JsonObject },
): void {
  const value = `${String(content['title'])}|${String(content['creation'])}|${String(tube?.['reference'])}`;
  const named = { system: 'urn:makhbar:analyzer-media', value: value.slice(0, 200) };
  const resource = { resourceType: 'Media', identifier: [named], status: 'completed', subject: whose, device, content };
  target.add(object(resource), [named]);
}

/** What the result is of: a step, a specimen; of a control, one run of it. */
function sourceOf(
  step: Step,
  { order, isControl, obx }: { order: AnalyzerOrder | undefined; isControl: boolean; obx: FieldReader },
): string {
  if (order !== undefined) return `work|${order.id}`;
  const label = labelOf(step);
  const run = obx.text(19) || obx.text(14) || (step.obr?.text(7) ?? '');
  if (isControl) return `control|${label}|${run}`;
  return label === '' ? `unnumbered|${run}` : `specimen|${label}|${step.obr?.text(2) ?? ''}`;
}

function deviceOf({ target, analyzer, authority }: Reading, obx: FieldReader): JsonObject {
  if (analyzer.device !== undefined) return analyzer.device;
  const parts = present(obx.repetitions(18).map((ei) => entityIdentifier(target.settings, ei, { authority })));
  const [first] = parts;
  const value = parts.map((one) => String(one['value'])).join('/');
  const named =
    first === undefined
      ? { system: 'urn:makhbar:interface', value: analyzer.interface }
      : { system: String(first['system']), value };
  const deviceName = [{ name: value || 'Analyzer', type: first === undefined ? 'user-friendly-name' : 'model-name' }];
  return target.add({ resourceType: 'Device', identifier: [named], status: 'active', deviceName }, [named], 'keep');
}

/** Raw data of a result have its OBX-4 and a further number (`1.1` of `1`); where none fits, they are of all of the step. */
function derive(target: Target, step: Step, made: readonly (MadeResult | undefined)[]): void {
  const all = made.filter((one) => one !== undefined);
  const raw = all.filter((one) => one.isSupplemental);
  if (step.results.length === 0 || raw.length === 0) return;
  for (const one of all.filter((found) => !found.isSupplemental)) {
    const own = raw.filter(({ obx }) => obx.text(4).startsWith(`${one.obx.text(4)}.`));
    const resource = target.resource(one.reference);
    if (resource !== undefined)
      resource['derivedFrom'] = (own.length > 0 ? own : raw).map(({ reference }) => reference);
  }
}

/** ORC-5, table 0038: how far the analyzer is with the step. */
const progress: Readonly<Record<string, string>> = {
  CM: 'completed',
  IP: 'in-progress',
  SC: 'in-progress',
  A: 'in-progress',
};

/** The Task of the step: other analyzers with the same work are told by it that they need not do it. */
function work({ target, analyzer }: Reading, { orc, results }: Step, order: AnalyzerOrder): void {
  const said = orc?.text(5) ?? '';
  const status = said === 'CA' ? 'cancelled' : (progress[said] ?? (results.length > 0 ? 'completed' : 'in-progress'));
  const named = { system: workSystem, value: `${analyzer.interface}/${order.id}` };
  const reference = { reference: `ServiceRequest/${order.id}` };
  target.add(
    object({
      ...{ resourceType: 'Task', identifier: [named], status, intent: 'order', code: { coding: [workCode] } },
      ...{ focus: reference, basedOn: [reference], for: order.subject, owner: analyzer.device },
    }),
    [named],
  );
}
