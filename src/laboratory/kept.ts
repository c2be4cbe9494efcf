/**
 * What a plain write (create, update, patch, delete, an entry of a Bundle, a message) may do with resources that the
 * laboratory's steps lead on. The tables of their states stand in specimen-states.ts, order-states.ts, result/*-states.ts.
 *
 * | resource         | is led on where it has          | a plain write leaves as it is              | is not deleted where it is          |
 * |------------------|---------------------------------|--------------------------------------------|-------------------------------------|
 * | Specimen         | specimen-state                  | state, status, number, definition          | in use: neither accessioned nor cancelled |
 * | Observation      | any of the marks of results     | all but its meta, text, identifiers, notes | released or withdrawn               |
 * | DiagnosticReport | laboratory-report               | status, results, orders, subject; all of a released one but meta, text, identifiers | released or withdrawn |
 * | ServiceRequest   | a definition of the catalogue, or a mark | definition, requisition, marks; the status follows the table of plain changes | with a specimen |
 * | Task             | it is the call of a critical result | status, what it is about, who has it and until when | ever |
 * | Communication    | it says that a critical result was told | all but its meta, text, identifiers   | ever                                |
 * | Provenance       | it is of a step: a release with its signature, the chain of custody | the same | ever                  |
 *
 * 1. The marks are written by the steps alone: no plain write adds, changes or takes one away.
 *    What is only ever made by a step (the last two) no plain write makes.
 * 2. What has no mark (from an EMR, another laboratory, another system) is written as FHIR says.
 * 3. An import brings resources as they are with their marks, where nothing of the laboratory is in their place.
 */
import { numberText, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { plainOrderChange } from './order-states.ts';
import { orderState } from './order.ts';
import { resultState } from './result/result-states.ts';
import { stateOf } from './specimen.ts';
import { codeIn, extensionUrl, isObject, objects, text, type ExtensionName } from './terms.ts';

interface Rule {
  readonly marks: readonly ExtensionName[];
  isLed(resource: JsonObject): boolean;
  state(resource: JsonObject): string;
  /** Whether a plain write may change a member of one that is in this state. */
  isFree(member: string, state: string): boolean;
  readonly undeletable: readonly string[];
  /** What changes it. */
  readonly instead: string;
  /** A plain write makes none: what it is called. */
  readonly made?: string;
}

const always: ReadonlySet<string> = new Set(['id', 'meta', 'text', 'language', 'identifier']);
const catalogued = /^urn:makhbar:catalogue:/;
const resultMarks = [
  'result-state',
  'verification',
  'entered-by',
  'reviewed-by',
  'delta',
  'dilution',
  'instrument-flag',
  'control',
  'suppressed',
  'measured',
  'repeat',
] as const;
const openReport: ReadonlySet<string> = new Set(['registered', 'preliminary', 'cancelled']);

export const ledTypes = [
  'Specimen',
  'Observation',
  'DiagnosticReport',
  'ServiceRequest',
  'Task',
  'Communication',
  'Provenance',
] as const;

const orderMarks = ['order-progress', 'due'] as const;
const stepSystems = ['urn:makhbar:result-step', 'urn:makhbar:specimen-step'];

const calls: ReadonlySet<string> = new Set([
  ...[
    'status',
    'businessStatus',
    'intent',
    'code',
    'focus',
    'for',
    'owner',
    'performerType',
    'executionPeriod',
    'input',
  ],
]);

const rules: Readonly<Record<(typeof ledTypes)[number], Rule>> = {
  Specimen: {
    marks: ['specimen-state', 'specimen-definition'],
    isLed: (resource) => hasMark(resource, ['specimen-state']),
    state: stateOf,
    isFree: (member) => member !== 'status' && member !== 'accessionIdentifier',
    undeletable: ['collected', 'received', 'stored', 'shipped', 'rejected', 'disposed'],
    instead: '$collect, $receive, $reject and the other steps of a specimen',
  },
  Observation: {
    marks: resultMarks,
    isLed: (resource) => hasMark(resource, resultMarks),
    state: resultState,
    isFree: (member, state) => always.has(member) || (member === 'note' && state !== 'released'),
    undeletable: ['released', 'withdrawn'],
    instead: '$enter-results, $review, $release, $correct and $withdraw',
  },
  DiagnosticReport: {
    marks: ['laboratory-report'],
    isLed: (resource) => hasMark(resource, ['laboratory-report']),
    state: (resource) => text(resource['status']) ?? 'unknown',
    isFree: (member, state) =>
      always.has(member) || (openReport.has(state) && !['status', 'result', 'basedOn', 'subject'].includes(member)),
    undeletable: ['partial', 'final', 'amended', 'corrected', 'appended', 'entered-in-error'],
    instead: 'the steps of its results, $release and $withdraw',
  },
  ServiceRequest: {
    marks: orderMarks,
    isLed: (resource) => isCatalogued(resource) || hasMark(resource, orderMarks),
    state: (resource) => (objects(resource['specimen']).length > 0 ? 'accessioned' : orderState(resource)),
    isFree: (member) => member !== 'instantiatesCanonical' && member !== 'requisition',
    undeletable: ['accessioned'],
    instead: '$order, $add-on, $cancel and the steps of its specimen and results',
  },
  Task: {
    marks: [],
    isLed: ({ code }) => codeIn(code, 'urn:makhbar:task') === 'critical-result',
    state: (resource) => text(resource['status']) ?? 'unknown',
    isFree: (member) => !calls.has(member),
    undeletable: ['requested', 'completed'],
    instead: '$call-back',
  },
  Communication: {
    marks: [],
    isLed: ({ category }) => objects(category).some((one) => codeIn(one, 'urn:makhbar:task') === 'critical-result'),
    state: (resource) => text(resource['status']) ?? 'unknown',
    isFree: (member) => always.has(member),
    undeletable: ['completed'],
    instead: '$call-back',
    made: 'A Communication that tells a critical result',
  },
  Provenance: {
    marks: [],
    isLed: ({ activity }) => stepSystems.some((system) => codeIn(activity, system) !== undefined),
    state: () => 'recorded',
    isFree: (member) => always.has(member),
    undeletable: ['recorded'],
    instead: 'a further step of the laboratory',
    made: 'The Provenance of a step of the laboratory',
  },
};

function isCatalogued({ instantiatesCanonical }: JsonObject): boolean {
  return Array.isArray(instantiatesCanonical) && instantiatesCanonical.some((one) => catalogued.test(String(one)));
}

export interface PlainWrite {
  /** `Observation/1` */
  readonly name: string;
  /** What is there now. */
  readonly before?: JsonObject | undefined;
  /** None for a deletion. */
  readonly after?: JsonObject | undefined;
  /** By an interface: it moves what belongs to a visit to another patient. */
  readonly moves: boolean;
  /** It brings marks with it (an import, an interface). */
  readonly brings: boolean;
}

/** Whether the laboratory's steps lead it on. */
export function isLed(resource: JsonObject): boolean {
  const rule: Rule | undefined = rules[String(resource['resourceType']) as keyof typeof rules];
  return rule?.isLed(resource) === true;
}

/** @throws OutcomeError `conflict` (409) or `business-rule` (422) where it is against the table. */
export function checkPlainWrite(write: PlainWrite): void {
  const { name, before, after, brings } = write;
  const type = name.slice(0, name.indexOf('/'));
  const rule: Rule | undefined = rules[type as keyof typeof rules];
  if (rule === undefined) return;
  if (before === undefined || !rule.isLed(before)) {
    if (!brings && after !== undefined) checkForged(type, rule, before ?? {}, after);
    return;
  }
  const state = rule.state(before);
  if (after === undefined) checkDeletion(name, rule, state);
  else checkChange(write, rule, { before, after, state });
}

function checkForged(type: string, rule: Rule, before: JsonObject, after: JsonObject): void {
  if (rule.made !== undefined && rule.isLed(after)) {
    throw outcomeError('business-rule', `${rule.made} is made by ${rule.instead} alone, not by a plain write.`);
  }
  const forged = rule.marks.find((mark) => !isSame(marked(before, mark), marked(after, mark)));
  if (forged === undefined) return;
  throw outcomeError('business-rule', `The extension ${forged} of ${type} is written by ${rule.instead} alone.`, {
    expression: `${type}.extension`,
  });
}

function checkDeletion(name: string, { undeletable, instead }: Rule, state: string): void {
  if (!undeletable.includes(state)) return;
  throw outcomeError('conflict', `${name} is ${state} and is not deleted; it is changed by ${instead} alone.`);
}

function checkChange(
  { name, moves }: PlainWrite,
  rule: Rule,
  { before, after, state }: { readonly before: JsonObject; readonly after: JsonObject; readonly state: string },
): void {
  const type = name.slice(0, name.indexOf('/'));
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = members.find(
    (member) =>
      (rule.isFree(member, state) && member !== 'extension' ? false : !isSameMember(before, after, member, rule)) &&
      !(moves && (member === 'subject' || member === 'encounter')),
  );
  if (type === 'ServiceRequest') plainOrderChange(name, orderState(before), orderState(after));
  if (changed === undefined) return;
  throw outcomeError(
    'conflict',
    `${name} is ${state}: its ${changed} is changed by ${rule.instead} alone, not by a plain write.`,
    {
      expression: `${type}.${changed}`,
    },
  );
}

/** Of the extensions only the marks count where others are free. */
function isSameMember(before: JsonObject, after: JsonObject, member: string, rule: Rule): boolean {
  if (member !== 'extension') return isSame(wrapped(before, member), wrapped(after, member));
  return rule.marks.every((mark) => isSame(marked(before, mark), marked(after, mark)));
}

/** With the exact text of a number that is a member. */
function wrapped(resource: JsonObject, member: string): JsonValue {
  const value = resource[member];
  return typeof value === 'number' ? numberText(resource, member) : (value ?? null);
}

function hasMark(resource: JsonObject, marks: readonly ExtensionName[]): boolean {
  return marks.some((mark) => marked(resource, mark).length > 0);
}

function marked(resource: JsonObject, mark: ExtensionName): JsonObject[] {
  const url = extensionUrl(mark);
  return objects(resource['extension']).filter((one) => one['url'] === url);
}

/** Equal in every digit; the order of members does not count. */
function isSame(one: JsonValue, other: JsonValue): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((_, i) => isSame(item(one, i), item(other, i)));
  }
  if (!isObject(one) || !isObject(other)) return one === other;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame(wrapped(one, name), wrapped(other, name)))
  );
}

function item(list: JsonValue[], i: number): JsonValue {
  const value = list[i];
  return typeof value === 'number' ? numberText(list, i) : (value ?? null);
}
