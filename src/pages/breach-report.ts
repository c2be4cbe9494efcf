/** Whom and what a breach concerns, the clock of 72 hours and the draft notice, to read and to print. */
import { noticeHtml } from './breach-notice.ts';
import { html, type Html, type Piece } from './html.ts';
import {
  codeText,
  isolated,
  moment,
  numberText,
  reportText,
  type ReportHead,
  type Section,
} from './report-document.ts';
import { deedWords, list, thingWords } from './report-words.ts';
import type { Texts } from './texts/en.ts';

interface Counted {
  readonly first: string;
  readonly last: string;
  readonly count: number;
  readonly refused: number;
}

export interface BreachData {
  readonly head: ReportHead;
  readonly criteria: readonly (readonly [name: string, value: string])[];
  readonly aware: string;
  readonly due: string;
  /** Below 0: so many past the end. */
  readonly minutesLeft: number;
  readonly events: number;
  readonly refused: number;
  /** Of what succeeded. */
  readonly first: string | undefined;
  readonly last: string | undefined;
  readonly persons: number;
  readonly records: number;
  readonly categories: readonly {
    readonly type: string;
    readonly label: string;
    readonly records: number;
    readonly persons: number;
  }[];
  readonly kinds: readonly (Counted & { readonly event: string })[];
  readonly officers: readonly { readonly name: string; readonly email: string | undefined }[];
}

export function breachPage(texts: Texts, data: BreachData): string {
  const { breach, notice } = texts.reports;
  return reportText(texts, data.head, {
    title: breach.title,
    facts: factsOf(texts, data),
    sections: [categories(texts, data), kinds(texts, data), { title: notice.title, text: noticeHtml(texts, data) }],
  });
}

function factsOf(texts: Texts, data: BreachData): [string, Piece][] {
  const { breach } = texts.reports;
  const number = (value: number): string => numberText(texts, value);
  const at = (instant: string | undefined): Piece => instant && moment(texts, data.head, instant);
  return [
    [breach.suspected, list(data.criteria.map(([name, value]) => criterion(name, value)))],
    [breach.aware, at(data.aware)],
    [breach.due, at(data.due)],
    [breach.remaining, remaining(texts, data.minutesLeft)],
    [breach.persons, number(data.persons)],
    [breach.records, number(data.records)],
    [breach.events, number(data.events)],
    [breach.refused, number(data.refused)],
    ...(data.first === undefined ? [] : [[breach.first, at(data.first)] satisfies [string, Piece]]),
    ...(data.last === undefined ? [] : [[breach.last, at(data.last)] satisfies [string, Piece]]),
  ];
}

function criterion(name: string, value: string): Html {
  return html`${codeText(name)}: ${codeText(value)}`;
}

function remaining(texts: Texts, minutesLeft: number): string {
  const { breach } = texts.reports;
  const minutes = Math.abs(minutesLeft);
  const [hours, rest] = [numberText(texts, Math.floor(minutes / 60)), numberText(texts, minutes % 60)];
  return minutesLeft < 0 ? breach.overdue(hours, rest) : breach.hours(hours, rest);
}

function categories(texts: Texts, data: BreachData): Section {
  const { breach, columns } = texts.reports;
  return {
    title: breach.categories,
    note: breach.listHint,
    table: {
      columns: [columns.type, columns.label, columns.records, columns.persons],
      rows: data.categories.map(({ type, label, records, persons }) => [
        isolated(thingWords(texts, type)),
        label === '' ? breach.unlabelled : codeText(label),
        numberText(texts, records),
        numberText(texts, persons),
      ]),
    },
  };
}

function kinds(texts: Texts, { head, kinds: lines }: BreachData): Section {
  const { breach, columns } = texts.reports;
  return {
    title: breach.kinds,
    table: {
      columns: [columns.deed, columns.first, columns.last, columns.count, columns.refused],
      rows: lines.map(({ event, first, last, count, refused }) => [
        deedWords(texts, event, undefined),
        moment(texts, head, first),
        moment(texts, head, last),
        numberText(texts, count),
        numberText(texts, refused),
      ]),
    },
  };
}
