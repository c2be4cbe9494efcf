/** A result as a FHIR Observation. https://hl7.org/fhir/R4/observation.html */
import { setMember, type JsonObject } from '../../fhir/json.ts';
import type { Interval } from '../interval.ts';
import { extensionUrl, interpretationSystem, objects, sectionSystem, text, type ExtensionName } from '../terms.ts';
import type { Decision } from './autoverify.ts';
import type { Evaluated } from './evaluate.ts';
import { nextResultState, resultState, resultStatus, type ResultState, type ResultStep } from './result-states.ts';
import { quantityElement } from './value.ts';

export interface Resulting {
  /** `ServiceRequest/1` */
  readonly order: string;
  readonly subject: string;
  readonly specimen?: string;
  readonly device?: string;
  readonly method?: JsonObject;
  readonly effective: string;
  readonly issued: string;
  readonly performer?: string;
  readonly enteredBy: string;
  readonly state: ResultState;
  /** `corrected`, where the state does not say it. */
  readonly status?: string;
  readonly flags: readonly string[];
  /** By which the measurement is found again, and as the instrument wrote it. */
  readonly identifier?: JsonObject;
  readonly measured?: string;
  readonly dilution?: string;
  readonly comments: readonly string[];
  /** Comments by their codes (comments.ts). */
  readonly coded?: readonly JsonObject[];
  /** Organisms of a culture. */
  readonly members?: readonly string[];
  readonly decision?: Decision;
  /** Of a calculated one: references of what it was calculated from. */
  readonly derivedFrom?: readonly string[];
}

const observationCategory = 'http://terminology.hl7.org/CodeSystem/observation-category';
const rangeMeaning = 'http://terminology.hl7.org/CodeSystem/referencerange-meaning';

export function observationOf(result: Evaluated, resulting: Resulting): JsonObject {
  const { definition, checked, code } = result;
  const { order, subject, specimen, device, method, effective, issued, performer, state, comments } = resulting;
  const name = definition.names.get('en');
  const note = [...(resulting.coded ?? []), ...comments.map((comment) => ({ text: comment }))];
  const members = (resulting.members ?? []).map((reference) => ({ reference }));
  const derivedFrom = (resulting.derivedFrom ?? []).map((reference) => ({ reference }));
  return {
    resourceType: 'Observation',
    ...(resulting.identifier !== undefined && { identifier: [resulting.identifier] }),
    extension: extensionsOf(result, resulting),
    basedOn: [{ reference: order }],
    status: resulting.status ?? resultStatus(state, state === 'released' ? 'release' : 'enter'),
    category: [
      { coding: [{ system: observationCategory, code: 'laboratory' }] },
      ...(definition.section === undefined ? [] : [{ coding: [{ system: sectionSystem, code: definition.section }] }]),
    ],
    code: { coding: [...definition.codings], ...(name !== undefined && { text: name }) },
    subject: { reference: subject },
    effectiveDateTime: effective,
    issued,
    ...(performer !== undefined && { performer: [{ reference: performer }] }),
    ...checked.element,
    ...(code !== undefined && { interpretation: [{ coding: [{ system: interpretationSystem, code }] }] }),
    ...(note.length > 0 && { note }),
    ...(method !== undefined && { method }),
    ...(specimen !== undefined && { specimen: { reference: specimen } }),
    ...(device !== undefined && { device: { reference: device } }),
    ...(result.intervals.length > 0 && { referenceRange: result.intervals.map((one) => rangeOf(result, one)) }),
    ...(members.length > 0 && { hasMember: members }),
    ...(derivedFrom.length > 0 && { derivedFrom }),
  };
}

function rangeOf({ definition }: Evaluated, { low, high, meaning, source }: Interval): JsonObject {
  return {
    ...(low !== undefined && { low: quantityElement(definition, low.value) }),
    ...(high !== undefined && { high: quantityElement(definition, high.value) }),
    ...(low === undefined && high === undefined && { text: source ?? 'none' }),
    ...(meaning !== undefined && { type: { coding: [{ system: rangeMeaning, code: meaning }] } }),
  };
}

function extensionsOf({ delta }: Evaluated, resulting: Resulting): JsonObject[] {
  const { state, enteredBy, flags, measured, dilution, decision } = resulting;
  const one = (name: ExtensionName, value: JsonObject): JsonObject => ({ url: extensionUrl(name), ...value });
  const factor: JsonObject = {};
  if (dilution !== undefined) setMember(factor, 'valueDecimal', Number(dilution), dilution);
  return [
    one('result-state', { valueCode: state }),
    one('entered-by', { valueString: enteredBy }),
    ...delta.map((valueString) => one('delta', { valueString })),
    ...flags.map((valueString) => one('instrument-flag', { valueString })),
    ...(measured === undefined ? [] : [one('measured', { valueString: measured })]),
    ...(dilution === undefined ? [] : [Object.assign(factor, { url: extensionUrl('dilution') })]),
    ...(decision?.rules ?? []).map(({ name, holds, because }) =>
      one('verification', { valueString: `${holds ? 'Held' : 'Passed'}: ${name} (${because})` }),
    ),
  ];
}

/** What the laboratory says of a result to itself, and not to who gets the report. */
export function remarked(observation: JsonObject, valueString: string): JsonObject {
  const remark = { url: extensionUrl('verification'), valueString };
  return { ...observation, extension: [...objects(observation['extension']), remark] };
}

/** `system|code` of all codings of a result. */
export function tokensOf(concept: JsonObject): string[] {
  return objects(concept['coding']).map(({ system, code }) => `${text(system) ?? ''}|${text(code) ?? ''}`);
}

/** A result after a step that leaves its value. @throws OutcomeError `conflict` where the step is not possible. */
export function afterResultStep(observation: JsonObject, step: ResultStep, by?: string): JsonObject {
  const state = nextResultState(String(observation['id']), resultState(observation), step);
  const kept = objects(observation['extension']).filter(({ url }) => url !== extensionUrl('result-state'));
  return {
    ...observation,
    status: resultStatus(state, step),
    extension: [
      { url: extensionUrl('result-state'), valueCode: state },
      ...kept,
      ...(by === undefined ? [] : [{ url: extensionUrl('reviewed-by'), valueString: by }]),
    ],
  };
}

/** With a note; and with comments by their codes before it. */
export function noted(resource: JsonObject, note: string | undefined, coded: readonly JsonObject[] = []): JsonObject {
  const added = [...coded, ...(note === undefined ? [] : [{ text: note }])];
  return added.length === 0 ? resource : { ...resource, note: [...objects(resource['note']), ...added] };
}
