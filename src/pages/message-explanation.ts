/** A message of another system, field by field, with what it became: to read and to print. */
import type { Html, Piece } from './html.ts';
import { codeText, isolated, moment, reportText, type ReportHead, type Section } from './report-document.ts';
import { list } from './report-words.ts';
import type { Texts } from './texts/en.ts';

export interface ExplanationData {
  readonly head: ReportHead;
  readonly interface: string;
  /** Undefined for a text that was only tried. */
  readonly stored: Stored | undefined;
  readonly type: string;
  readonly segments: readonly {
    readonly place: string;
    readonly name: string;
    readonly fields: readonly Field[];
  }[];
  readonly resources: readonly Resource[];
  readonly problems: readonly { readonly sentence: string }[];
}

interface Stored {
  readonly id: string;
  readonly received: string;
  readonly status: keyof Texts['explain']['statuses'];
  readonly made: readonly string[];
}

interface Field {
  readonly place: string;
  readonly name: string;
  readonly value: string;
  readonly meaning?: string;
  readonly fate: 'became' | keyof Texts['explain']['fates'];
  readonly became: readonly string[];
}

interface Resource {
  readonly name: string;
  readonly deed?: keyof Texts['explain']['deeds'];
  readonly elements: readonly { readonly path: string; readonly value: string; readonly from: readonly string[] }[];
}

export function explanationPage(texts: Texts, data: ExplanationData): string {
  const { explain } = texts;
  const { head, stored, segments, resources, problems } = data;
  return reportText(texts, head, {
    title: explain.title,
    facts: [
      [explain.interface, isolated(data.interface)],
      [explain.type, codeText(data.type)],
      ...storedFacts(texts, head, stored),
    ],
    sections: [
      ...(problems.length === 0
        ? []
        : [{ title: explain.problems, table: { columns: [explain.problems], rows: rowsOf(problems) } }]),
      ...segments.map((segment) => segmentSection(texts, segment)),
      ...resources.map((resource) => resourceSection(texts, resource)),
    ],
  });
}

function storedFacts(texts: Texts, head: ReportHead, stored: Stored | undefined): [string, Piece][] {
  const { explain } = texts;
  if (stored === undefined) return [[explain.status, explain.tried]];
  return [
    [explain.id, codeText(stored.id)],
    [explain.received, moment(texts, head, stored.received)],
    [explain.status, explain.statuses[stored.status]],
    ...(stored.made.length === 0 ? [] : [[explain.made, list(stored.made.map(codeText))] satisfies [string, Piece]]),
  ];
}

/** Sentences are in the language of the server, as in acknowledgements. */
function rowsOf(problems: ExplanationData['problems']): Html[][] {
  return problems.map(({ sentence }) => [isolated(sentence)]);
}

function segmentSection(texts: Texts, { place, name, fields }: ExplanationData['segments'][number]): Section {
  const { explain } = texts;
  return {
    title: name === '' ? place : `${place} · ${name}`,
    table: {
      columns: [explain.place, explain.field, explain.value, explain.meaning, explain.became],
      rows: fields.map(({ meaning, fate, became, ...field }) => [
        codeText(field.place),
        isolated(field.name),
        isolated(field.value),
        meaning === undefined ? undefined : isolated(meaning),
        fate === 'became' ? list(became.map(codeText)) : explain.fates[fate],
      ]),
    },
  };
}

function resourceSection({ explain }: Texts, { name, deed, elements }: Resource): Section {
  return {
    title: deed === undefined ? name : `${name}: ${explain.deeds[deed]}`,
    table: {
      columns: [explain.element, explain.value, explain.from],
      rows: elements.map(({ path, value, from }) => [
        codeText(path),
        isolated(value),
        from.length === 0 ? explain.fixed : list(from.map(codeText)),
      ]),
    },
  };
}
