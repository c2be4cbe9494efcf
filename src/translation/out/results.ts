/**
 * DiagnosticReport → ORU^R01 and OUL^R22. HL7 v2.5.1 §7.3.1, §7.3.7; the way back of ../results.ts.
 *
 *   report     → ORC, OBR and the notes of its conclusion; results of another of its orders get an ORC and OBR of that one
 *   result     → OBX; one code several times in an OBR is told apart by OBX-4
 *   components → OBX after it, OBX-4 `n.1`, `n.2` …
 *   members    → of a panel without a value: OBX with the number of the panel in OBX-4; of a result with a value (an
 *                organism): an OBR of their own, whose OBR-26 and OBR-29 name it
 *   documents  → OBX of the type ED, with their bytes in base64
 */
import type { JsonObject } from '../../fhir/json.ts';
import { reportStatuses } from '../codes.ts';
import { concept, entityIdentifier, identifierOfType, person, personInPart, reversed } from './datatypes.ts';
import { documentSegments } from './documents.ts';
import { header } from './header.ts';
import { noteSegments } from './notes.ts';
import { effective, observationSegments } from './observation.ts';
import { commonOrder, numbersOf, timing, type Made, type Numbers } from './orders.ts';
import { patientSegment } from './patient.ts';
import { list, member, since, string, type Source, type Writing } from './source.ts';
import { specimenSegments, specimenSource } from './specimen.ts';
import { timeText } from './times.ts';
import { valueOf } from './value.ts';
import { visitSegment } from './visit.ts';
import { components, nested, repetitions, segment, text } from './writer.ts';

/** Table 0123. */
const statuses = new Map([
  ...reversed(reportStatuses),
  ['registered', 'I'],
  ['final', 'F'],
  ['preliminary', 'P'],
  ['amended', 'C'],
  ['appended', 'C'],
  ['corrected', 'C'],
  ['entered-in-error', 'X'],
  ['deleted', 'X'],
  ['cancelled', 'X'],
  ['unknown', 'Z'],
]);

export function reportMessage(type: string, source: Source, writing: Writing): string[] {
  const { root: report, find } = source;
  const made = { source, writing };
  const groups = groupsOf(source, made);
  const specimens = list(report['specimen']).flatMap((one, i) =>
    specimenSegments(find(one), { number: i + 1, writing }),
  );
  const before = type === 'OUL^R22';
  const counter = { groups: 0, results: 0 };
  const ordered = groups.flatMap((group, i) => orderSegments(group, made, { counter, first: i === 0 }));
  return [
    header(type, writing),
    patientSegment(find(member(report, 'subject')), writing),
    visitSegment(find(member(report, 'encounter')), source, writing),
    ...(before ? specimens : []),
    ...ordered,
    ...(before ? [] : specimens),
  ];
}

interface Group {
  readonly order: JsonObject | undefined;
  readonly numbers: Numbers;
  readonly code: unknown;
  readonly results: readonly JsonObject[];
}

/** The results by the orders of the report; those of none of them are the first one's. */
function groupsOf(source: Source, made: Made): Group[] {
  const { root: report, find } = source;
  const orders = list(report['basedOn']);
  const results = topResults(source);
  const own = (i: number): Group => {
    const order = find(orders[i]);
    const rest = results.filter((result) => orderOf(result, orders) === i);
    const numbers = i === 0 ? reportNumbers(report, order, made.writing) : numbersOf(order, made.writing);
    return { order, numbers, code: i === 0 ? report['code'] : order?.['code'], results: rest };
  };
  return [own(0), ...orders.slice(1).map((_, i) => own(i + 1))].filter(
    ({ results: some }, i) => i === 0 || some.length > 0,
  );
}

function orderOf(result: JsonObject, orders: readonly JsonObject[]): number {
  const named = list(result['basedOn']).map(({ reference }) => reference);
  return Math.max(
    0,
    orders.findIndex(({ reference }) => named.includes(reference)),
  );
}

/** Results of the report that are no members of another one of it. */
function topResults({ root, find }: Source): JsonObject[] {
  const results = list(root['result']).flatMap((one): JsonObject[] => {
    const found = find(one);
    return found === undefined ? [] : [found];
  });
  const members = new Set(results.flatMap((one) => membersOf(one, find)));
  return [...new Set(results)].filter((one) => !members.has(one));
}

function membersOf(result: JsonObject, find: Source['find'], seen = new Set<JsonObject>()): JsonObject[] {
  return list(result['hasMember']).flatMap((one) => {
    const found = find(one);
    if (found === undefined || found['resourceType'] !== 'Observation' || seen.has(found)) return [];
    seen.add(found);
    return [found];
  });
}

/** The filler's number tells the reports of one order apart: the report's own before the order's. */
function reportNumbers(report: JsonObject, order: JsonObject | undefined, writing: Writing): Numbers {
  const { placer, filler } = numbersOf(order, writing);
  const identifiers = list(report['identifier']);
  const named = identifierOfType(identifiers, 'FILL') ?? identifiers.find((one) => one['type'] === undefined);
  const reports = identifierOfType(identifiers, 'PLAC');
  const own = components(text(string(report['id'])), text(writing.from.facility));
  return {
    placer: placer === '' ? entityIdentifier(reports, writing) : placer,
    filler: entityIdentifier(named, writing) || (order === undefined ? own : filler),
  };
}

/** Set ids: of OBR over the message, of OBX within an OBR. */
interface Counter {
  groups: number;
  results: number;
}

function orderSegments(
  { order, numbers, code, results }: Group,
  made: Made,
  { counter, first }: { readonly counter: Counter; readonly first: boolean },
): string[] {
  const { source, writing } = made;
  const { root: report } = source;
  const lines = [
    commonOrder(order, { ...numbers, control: 'RE' }, made),
    requestSegment({ order, numbers, code }, made, counter),
    ...(first ? noteSegments(typeof report['conclusion'] === 'string' ? [report['conclusion']] : []) : []),
  ];
  const later: Parent[] = [];
  counter.results = 0;
  lines.push(...resultSegments(results, made, { counter, later }));
  if (first) {
    for (const form of list(report['presentedForm'])) {
      lines.push(...documentSegments(form, { number: ++counter.results, report, writing }));
    }
  }
  for (let parent = later.shift(); parent !== undefined; parent = later.shift()) {
    lines.push(...childSegments(parent, { order, numbers }, { made, counter, later }));
  }
  return lines;
}

interface Requested extends Pick<Group, 'order' | 'numbers' | 'code'> {
  readonly parent?: Parent;
}

function requestSegment(
  { order, numbers, code, parent }: Requested,
  { source, writing }: Made,
  counter: Counter,
): string {
  const { root: report, find } = source;
  const { zone, version } = writing;
  return segment('OBR', {
    1: String(++counter.groups),
    2: numbers.placer,
    3: numbers.filler,
    4: concept(code, writing),
    7: effective(report, zone),
    8: timeText(member(report, 'effectivePeriod', 'end'), zone),
    15: specimenSource(find(list(report['specimen'])[0]), writing),
    16: person(member(order, 'requester'), source, writing),
    22: timeText(report['issued'], zone),
    24: section(report),
    25: statuses.get(string(report['status'])) ?? '',
    26:
      parent === undefined ? '' : components(nested(concept(parent.observation['code'], writing)), text(parent.subId)),
    27: since(version, '2.7') || order === undefined ? '' : timing(order, writing),
    29:
      parent === undefined
        ? ''
        : components(nested(parent.numbers?.placer ?? ''), nested(parent.numbers?.filler ?? '')),
    31: repetitions(list(order?.['reasonCode']).map((one) => concept(one, writing))),
    32: repetitions(list(report['resultsInterpreter']).map((one) => personInPart(one, source, writing))),
  });
}

/** Table 0074. */
function section(report: JsonObject): string {
  const codings = list(report['category']).flatMap((one) => list(one['coding']));
  const found = codings.find(({ system }) => system === 'http://terminology.hl7.org/CodeSystem/v2-0074');
  return text(string(found?.['code']));
}

/** A result whose members follow in an OBR of their own. */
interface Parent {
  readonly observation: JsonObject;
  readonly subId: string;
  /** Of the OBR that it is in; those of the report's where none are given. */
  readonly numbers?: Numbers;
  readonly members: readonly JsonObject[];
}

interface Writer {
  readonly counter: Counter;
  readonly later: Parent[];
}

function resultSegments(results: readonly JsonObject[], made: Made, { counter, later }: Writer): string[] {
  const { source, writing } = made;
  const names = subIds(results, source, writing);
  return results.flatMap((result, i) => {
    const members = membersOf(result, source.find);
    const parts = list(result['component']);
    const subId = names[i] ?? '';
    const isPanel = valueOf(result, writing) === undefined && (members.length > 0 || parts.length > 0);
    const lines = isPanel ? [] : observationSegments(result, { number: ++counter.results, subId }, made);
    for (const [k, part] of parts.entries()) {
      const inherited = { ...withoutParts(result), ...part };
      lines.push(...observationSegments(inherited, { number: ++counter.results, subId: `${subId}.${k + 1}` }, made));
    }
    if (members.length === 0) return lines;
    if (!isPanel) {
      later.push({ observation: result, subId, members });
      return lines;
    }
    return [...lines, ...panelSegments(members, subId, { made, counter, later })];
  });
}

/** What a component does not say itself holds of the whole. */
function withoutParts(result: JsonObject): JsonObject {
  const own = /^(?:value.*|component|hasMember|code|note|interpretation|referenceRange|dataAbsentReason)$/;
  return Object.fromEntries(Object.entries(result).filter(([name]) => !own.test(name)));
}

interface Within extends Writer {
  readonly made: Made;
}

/** Members of a panel: its number, and, where a code comes again, their own after it. */
function panelSegments(members: readonly JsonObject[], subId: string, { made, counter, later }: Within): string[] {
  const seen = new Map<string, number>();
  return members.flatMap((one) => {
    const code = concept(one['code'], made.writing);
    const nth = (seen.get(code) ?? 0) + 1;
    seen.set(code, nth);
    const name = nth === 1 ? subId : `${subId}.${nth}`;
    const lines = observationSegments(one, { number: ++counter.results, subId: name }, made);
    const deeper = membersOf(one, made.source.find);
    if (deeper.length > 0) later.push({ observation: one, subId: name, members: deeper });
    return lines;
  });
}

/** OBX-4 of each: of panels, of results with members or components, and of codes that come again; '' for the others. */
function subIds(results: readonly JsonObject[], { find }: Source, writing: Writing): string[] {
  const codes = results.map((one) => concept(one['code'], writing));
  return results.map((one, i) => {
    const isGroup = list(one['component']).length > 0 || membersOf(one, find).length > 0;
    const isRepeated = codes.indexOf(codes[i] ?? '') !== codes.lastIndexOf(codes[i] ?? '');
    return isGroup || isRepeated ? String(i + 1) : '';
  });
}

interface Children extends Writer {
  readonly made: Made;
}

/** The members of a result in an OBR of their own; its number is the parent's with the sub-id, so that it is one number. */
function childSegments(
  parent: Parent,
  { order, numbers }: Pick<Group, 'order' | 'numbers'>,
  { made, counter, later }: Children,
): string[] {
  const own = { placer: '', filler: childNumber(numbers.filler || numbers.placer, `${counter.groups}`) };
  const of = { ...parent, numbers: parent.numbers ?? numbers };
  const requested = { order, numbers: own, code: parent.observation['code'], parent: of };
  const lines = [commonOrder(order, { ...own, control: 'RE' }, made), requestSegment(requested, made, counter)];
  counter.results = 0;
  const deeper: Parent[] = [];
  lines.push(...resultSegments(parent.members, made, { counter, later: deeper }));
  later.push(...deeper.map((one) => ({ ...one, numbers: own })));
  return lines;
}

function childNumber(number: string, suffix: string): string {
  const [value = '', ...rest] = number.split('^');
  return components(`${value}-${suffix}`, ...rest);
}
