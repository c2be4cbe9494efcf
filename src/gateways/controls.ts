/**
 * Results of controls that an analyzer sends (`quality-control` of src/translation) are judged as those are that a person enters:
 * by Observation/$control-run, in the transaction of the message, so that a control that failed holds what comes after it.
 *
 * 1. What the analyzer sent is stored as it came; the control result is derived from it, in the unit of the catalogue.
 * 2. A control that cannot be judged (no analyzer, no material of this name, no such analyte, a unit, no number) keeps nothing
 *    else of the message waiting: it is told, and one Task for its material waits with the message until it is judged
 *    (judged-again.ts).
 */
import { numberText, type JsonObject } from '../fhir/json.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import type { Problem } from '../hl7v2/acknowledge.ts';
import { ucumOf } from '../laboratory/result/sent-unit.ts';
import { codings, object, objects, text } from '../laboratory/terms.ts';
import type { Context } from '../request.ts';
import { serve } from '../serve.ts';
import { resourceBody } from './request.ts';

/** Why a control waits; with it the message is found again. */
export interface Unjudged extends Problem {
  readonly control: { readonly name: string; readonly observation: string };
}

export interface JudgedControls {
  /** Versions that were made. */
  readonly resources: readonly string[];
  readonly left: readonly Unjudged[];
}

export interface Judging {
  /** Device/…, where the interface names it. */
  readonly device: string | undefined;
  /** What tells runs apart: the message. */
  readonly run: string;
}

/** Whether it is what an analyzer measured of a control. */
export function isControl({ resourceType, category, status }: JsonObject): boolean {
  return (
    resourceType === 'Observation' &&
    objects(category).some((one) => codings(one).some(({ code }) => code === 'quality-control')) &&
    !['registered', 'cancelled', 'entered-in-error'].includes(String(status))
  );
}

/** What is judged together: of one material, measured at one time. */
interface Group {
  readonly name: string;
  readonly time: string | undefined;
  readonly device: string | undefined;
}

/** @param observations as they are stored, with their ids */
export async function judgeControls(
  inside: Context,
  observations: readonly JsonObject[],
  { device, run }: Judging,
): Promise<JudgedControls> {
  const resources: string[] = [];
  const left: Unjudged[] = [];
  const groups = Map.groupBy(observations, (one) => JSON.stringify(groupOf(one, device)));
  // The rules look back: in the order of time.
  for (const [key, own] of [...groups].toSorted(([, a], [, b]) => timeOf(a[0]).localeCompare(timeOf(b[0])))) {
    const group = JSON.parse(key) as Group;
    const together = await tried(inside, { ...group, run }, own);
    if (!(together instanceof OutcomeError)) {
      resources.push(...together);
      continue;
    }
    // One that cannot be judged is no reason not to judge the others.
    for (const one of own) {
      const alone = own.length === 1 ? together : await tried(inside, { ...group, run }, [one]);
      if (!(alone instanceof OutcomeError)) resources.push(...alone);
      else left.push(unjudged(group.name, one, alone));
    }
  }
  return { resources, left };
}

function groupOf(observation: JsonObject, device: string | undefined): Group {
  const name = text(object(object(observation['specimen'])['identifier'])['value']) ?? '';
  const own = text(object(observation['device'])['reference']);
  return { name, time: timeOf(observation), device: device ?? own };
}

/** When it was measured. */
function timeOf(observation: JsonObject | undefined): string {
  return text(observation?.['issued']) ?? text(observation?.['effectiveDateTime']) ?? '';
}

function unjudged(name: string, { id }: JsonObject, { issues }: OutcomeError): Unjudged {
  const sentence = `A control was not judged: ${issues[0]?.diagnostics ?? 'it was refused.'}`;
  return { code: '207', severity: 'W', sentence, control: { name, observation: `Observation/${String(id)}` } };
}

/** The versions that were made, or why none was. @throws OutcomeError where something was written already. */
async function tried(
  inside: Context,
  of: Group & Pick<Judging, 'run'>,
  observations: readonly JsonObject[],
): Promise<string[] | OutcomeError> {
  const before = inside.tally?.versions;
  try {
    return await judged(inside, of, observations);
  } catch (error) {
    if (error instanceof OutcomeError && inside.tally?.versions === before) return error;
    throw error;
  }
}

async function judged(
  inside: Context,
  { name, time, device, run }: Group & Pick<Judging, 'run'>,
  observations: readonly JsonObject[],
): Promise<string[]> {
  if (device === undefined) throw outcomeError('business-rule', 'The interface names no analyzer (device).');
  if (name === '') throw outcomeError('business-rule', 'The message does not name the control.');
  const parameter: JsonObject[] = [
    { name: 'device', valueReference: { reference: device } },
    { name: 'control', valueString: name },
    { name: 'run', valueString: run },
    ...(time === undefined || !time.includes('T') ? [] : [{ name: 'time', valueDateTime: time }]),
    ...observations.map((one) => ({ name: 'result', part: partsOf(one) })),
  ];
  const answer = await serve(inside, {
    method: 'POST',
    segments: ['Observation', '$control-run'],
    query: [],
    headers: {},
    body: resourceBody({ resourceType: 'Parameters', parameter }),
  });
  return objects(object(answer.resource ?? {})['parameter']).map(({ resource }) => versionOf(object(resource)));
}

function versionOf({ resourceType, id, meta }: JsonObject): string {
  return `${String(resourceType)}/${String(id)}/_history/${text(object(meta)['versionId']) ?? '1'}`;
}

function partsOf(observation: JsonObject): JsonObject[] {
  const [first = {}] = codings(observation['code']);
  const quantity = object(observation['valueQuantity']);
  const isNumber = typeof quantity['value'] === 'number' && quantity['comparator'] === undefined;
  const value = isNumber ? numberText(quantity, 'value') : (text(observation['valueString']) ?? saidOf(quantity));
  const unit = ucumOf(text(quantity['code']) ?? text(quantity['unit']) ?? '');
  return [
    { name: 'analyte', valueCoding: { system: first['system'] ?? '', code: first['code'] ?? '' } },
    { name: 'value', valueString: value },
    ...(unit === '' ? [] : [{ name: 'unit', valueString: unit }]),
    { name: 'derivedFrom', valueReference: { reference: `Observation/${String(observation['id'])}` } },
  ];
}

/** What is no number is refused with its text. */
function saidOf(quantity: JsonObject): string {
  return `${text(quantity['comparator']) ?? ''}${typeof quantity['value'] === 'number' ? numberText(quantity, 'value') : '?'}`;
}
