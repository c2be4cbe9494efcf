/**
 * The results of a report by section of the laboratory, row by row: groups with their members, components, what was
 * corrected with the value it had, what is still to come, what was withdrawn.
 *
 * A result that a control holds shows no value: nobody stands for it yet.
 */
import type { JsonObject } from '../fhir/json.ts';
import { resultState } from '../laboratory/result/result-states.ts';
import {
  catalogueSystem,
  codeIn,
  codings,
  extensions,
  isObject,
  names,
  object,
  objects,
  part,
  sectionSystem,
  text,
} from '../laboratory/terms.ts';
import type { Pen } from './compose.ts';
import type { Gathered } from './gathered.ts';
import { told, type Told } from './language.ts';
import type { Note, ReportSection, Row } from './model.ts';
import type { ReportTemplate } from './template.ts';
import { conceptText, flagOf, intervalTexts, isCritical, numberIn, unitCode, valueOf, type Hand } from './value.ts';
import type { Words } from './words/en.ts';
import { inOwnDirection, plain } from './written.ts';

/** Earlier points in a chart, and the least that it has in all. */
const mostPoints = 8;
const leastPoints = 3;

/** Groups within groups: deeper ones would be a circle. */
const deepest = 4;

interface Writing {
  readonly gathered: Gathered;
  readonly pen: Pen;
  readonly hands: readonly Hand[];
  readonly catalogue: Catalogue;
}

/** What the catalogue says, by the code of the laboratory and by `system|code`. */
interface Catalogue {
  readonly names: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function sectionsOf(gathered: Gathered, pen: Pen, template: ReportTemplate): ReportSection[] {
  const catalogue = catalogueOf(gathered.definitions);
  const coded = codedValues(gathered.definitions);
  const hands = pen.languages.map((words): Hand => ({ words, digits: pen.digits, coded }));
  const writing: Writing = { gathered, pen, hands, catalogue };
  const bySection = new Map<string, Row[]>();
  const add = (resource: JsonObject, rows: readonly Row[]): void => {
    const code = sectionIn(resource) ?? '';
    bySection.set(code, [...(bySection.get(code) ?? []), ...rows]);
  };
  for (const found of shownResults(gathered)) add(found, rowsOf(found, writing, 0));
  for (const one of gathered.withdrawn) add(one, [withdrawnRow(one, writing)]);
  for (const one of gathered.missing) add(one, [missingRow(one, writing)]);
  const order = [...template.sections, ...bySection.keys()];
  return [...bySection]
    .toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    .map(([code, rows]) => ({ code, title: sectionTitle(code, writing), rows }));
}

/** As the tests and panels have them; what is in none keeps the order of the report, after them. */
function shownResults({ report, results, definitions }: Gathered): JsonObject[] {
  const codes = definitions.map((one) => codeIn(one['code'], catalogueSystem));
  const place = (one: JsonObject): number => {
    const at = codes.indexOf(codeIn(one['code'], catalogueSystem));
    return at < 0 ? codes.length : at;
  };
  const named = objects(report['result']).flatMap(({ reference }) => text(reference) ?? []);
  return rootsOf(named, results)
    .map((reference) => results.get(reference))
    .filter((one) => one !== undefined)
    .toSorted((a, b) => place(a) - place(b));
}

/** Members of a group stand with it, also where the report names them too; what no group leads to is never left out. */
function rootsOf(named: readonly string[], results: Gathered['results']): string[] {
  const membersOf = (reference: string): string[] =>
    objects(results.get(reference)?.['hasMember']).flatMap((one) => text(one['reference']) ?? []);
  const members = new Set([...results.keys()].flatMap(membersOf));
  const roots = named.filter((one) => !members.has(one));
  const reached = new Set<string>();
  const walk = (reference: string, level: number): void => {
    if (level > deepest || reached.has(reference)) return;
    reached.add(reference);
    for (const member of membersOf(reference)) walk(member, level + 1);
  };
  for (const root of roots) walk(root, 0);
  return [...roots, ...named.filter((one) => !reached.has(one) && members.has(one))];
}

function sectionIn(resource: JsonObject): string | undefined {
  return objects(resource['category']).flatMap((one) => codeIn(one, sectionSystem) ?? [])[0];
}

function sectionTitle(code: string, { pen, catalogue }: Writing): Told {
  if (code === '') return told(pen.languages, (one) => one.otherSection);
  return told(pen.languages, ({ language }) => catalogue.sections.get(code)?.get(language) ?? code);
}

function rowsOf(observation: JsonObject, writing: Writing, level: number): Row[] {
  const members = objects(observation['hasMember'])
    .map(({ reference }) => writing.gathered.results.get(text(reference) ?? ''))
    .filter((one) => one !== undefined);
  return [
    rowOf(observation, writing, level),
    ...objects(observation['component']).map((component) => rowOf(component, writing, level + 1)),
    ...(level >= deepest ? [] : members.flatMap((member) => rowsOf(member, writing, level + 1))),
  ];
}

function rowOf(observation: JsonObject, writing: Writing, level: number): Row {
  const { gathered, hands } = writing;
  const [hand] = hands as [Hand];
  const held = resultState(observation) === 'held' || resultState(observation) === 'ordered';
  const group = objects(observation['hasMember']).length + objects(observation['component']).length > 0;
  const values = hands.map((one) => (held ? undefined : valueOf(observation, one)));
  const flag = held ? undefined : flagOf(observation);
  const earlier = earlierOf(observation, gathered.history);
  const [last] = earlier;
  return {
    level,
    name: nameTold(observation['code'], writing),
    value:
      values[0] !== undefined || group
        ? [...new Set(values.flatMap((one) => one?.text ?? []))]
        : told(writing.pen.languages, (one) => one.pending),
    unit: values[0]?.unit ?? '',
    flag,
    critical: isCritical(flag),
    interval: held ? [] : intervalTexts(observation, hand),
    previous:
      last === undefined || held
        ? undefined
        : {
            value: [valueOf(last, hand)].map((one) => `${one?.text ?? ''} ${one?.unit ?? ''}`.trim())[0] ?? '',
            at: writing.pen.time(text(last['effectiveDateTime'])),
          },
    trend: held ? [] : trendOf(observation, earlier),
    bounds: boundsOf(observation),
    notes: notesOf(observation, writing, held),
  };
}

/** The name in each language: of the catalogue, of the code, of its text. */
function nameTold(code: JsonObject[string] | undefined, { hands, catalogue }: Writing): Told {
  const concept = object(code);
  const own = catalogue.names.get(codeIn(concept, catalogueSystem) ?? '');
  const byCode = codings(concept)
    .map((one) => catalogue.names.get(tokenOf(one)))
    .find((one) => one !== undefined);
  const texts = names(concept, 'text');
  return [
    ...new Set(
      hands.map((hand) => {
        const { language } = hand.words;
        return plain((own ?? byCode)?.get(language) ?? texts.get(language) ?? conceptText(concept, hand));
      }),
    ),
  ];
}

function tokenOf(coding: JsonObject): string {
  return `${text(coding['system']) ?? ''}|${text(coding['code']) ?? ''}`;
}

function catalogueOf(definitions: readonly JsonObject[]): Catalogue {
  const named = new Map<string, ReadonlyMap<string, string>>();
  const sections = new Map<string, ReadonlyMap<string, string>>();
  for (const definition of definitions) {
    const own = names(definition, 'preferredReportName');
    for (const coding of codings(definition['code'])) {
      named.set(tokenOf(coding), own);
      if (coding['system'] === catalogueSystem) named.set(String(coding['code']), own);
    }
    for (const coding of objects(definition['category']).flatMap((one) => codings(one))) {
      if (coding['system'] === sectionSystem) sections.set(String(coding['code']), names(coding, 'display'));
    }
  }
  return { names: named, sections };
}

function codedValues(definitions: readonly JsonObject[]): Map<string, ReadonlyMap<string, string>> {
  const found = definitions.flatMap((definition) =>
    extensions(definition, 'coded-value').flatMap((one) => {
      const coding = part(one, 'value')?.['valueCoding'];
      return isObject(coding) ? [[tokenOf(coding), names(coding, 'display')] as const] : [];
    }),
  );
  return new Map(found);
}

/** Earlier results of the same analyte in the same unit. */
function earlierOf(observation: JsonObject, history: readonly JsonObject[]): JsonObject[] {
  const own = new Set(codings(observation['code']).map(tokenOf));
  const at = text(observation['effectiveDateTime']) ?? '';
  return history.filter(
    (one) =>
      codings(one['code']).some((coding) => own.has(tokenOf(coding))) &&
      one['id'] !== observation['id'] &&
      Date.parse(text(one['effectiveDateTime']) ?? '') < Date.parse(at),
  );
}

function trendOf(observation: JsonObject, earlier: readonly JsonObject[]): number[] {
  const unit = unitCode(observation);
  const points = [observation, ...earlier]
    .filter((one) => unitCode(one) === unit)
    .flatMap((one) => numberIn(one) ?? [])
    .slice(0, mostPoints)
    .reverse();
  return numberIn(observation) === undefined || points.length < leastPoints ? [] : points;
}

function boundsOf(observation: JsonObject): Row['bounds'] {
  const normal = objects(observation['referenceRange']).find((range) => {
    const code = text(codings(range['type'])[0]?.['code']);
    return code === undefined || code === 'normal';
  });
  const side = (member: 'low' | 'high'): number | undefined => {
    const value = object(normal?.[member])['value'];
    return typeof value === 'number' ? value : undefined;
  };
  return { low: side('low'), high: side('high') };
}

function notesOf(observation: JsonObject, writing: Writing, held: boolean): Note[] {
  const { gathered, pen, hands } = writing;
  const [hand] = hands as [Hand];
  const [first] = pen.languages as [Words];
  const before = gathered.before.get(`Observation/${String(observation['id'])}`);
  const was = before === undefined ? undefined : valueOf(before, hand);
  const status = text(observation['status']);
  const notes: Note[] = [];
  if (was !== undefined) {
    const written = `${was.text} ${was.unit}`.trim();
    notes.push({ kind: 'corrected', text: first.was(written, pen.time(text(observation['issued']))) });
  } else if (status === 'corrected' || status === 'amended') {
    notes.push({ kind: 'corrected', text: first.corrected });
  }
  if (status === 'preliminary' && !held) notes.push({ kind: 'preliminary', text: first.preliminaryResult });
  if (status === 'entered-in-error') notes.push({ kind: 'withdrawn', text: first.withdrawnResult });
  for (const note of held ? [] : objects(observation['note'])) {
    const own = names(note, 'text');
    const written = plain(own.get(first.language) ?? text(note['text']) ?? '');
    if (written !== '') notes.push({ kind: 'comment', text: inOwnDirection(written) });
  }
  return notes;
}

function bare(resource: JsonObject, writing: Writing): Omit<Row, 'value' | 'notes'> {
  return {
    level: 0,
    name: nameTold(resource['code'], writing),
    unit: '',
    flag: undefined,
    critical: false,
    interval: [],
    previous: undefined,
    trend: [],
    bounds: { low: undefined, high: undefined },
  };
}

function withdrawnRow(observation: JsonObject, writing: Writing): Row {
  const [first] = writing.pen.languages as [Words];
  return { ...bare(observation, writing), value: [], notes: [{ kind: 'withdrawn', text: first.withdrawnResult }] };
}

function missingRow(definition: JsonObject, writing: Writing): Row {
  return { ...bare(definition, writing), value: told(writing.pen.languages, (one) => one.pending), notes: [] };
}
