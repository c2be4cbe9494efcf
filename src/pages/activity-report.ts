/** What a user or an application did, to read and to print. */
import {
  codeText,
  isolated,
  moment,
  numberText,
  reportText,
  type ReportHead,
  type Section,
} from './report-document.ts';
import { clientWords, deedWords, list, roleWords, thingWords } from './report-words.ts';
import type { Piece } from './html.ts';
import { dateText } from './moment.ts';
import type { Texts } from './texts/en.ts';

interface Counted {
  readonly first: string;
  readonly last: string;
  readonly count: number;
  readonly refused: number;
}

interface Deed extends Counted {
  readonly event: string;
  readonly deed: string | undefined;
  readonly type: string | undefined;
}

export interface ActivityData {
  readonly head: ReportHead;
  readonly user: string | undefined;
  readonly name: string | undefined;
  readonly client: string | undefined;
  readonly events: number;
  readonly refused: number;
  readonly signIns: number;
  /** Undefined where the caller may not know it. */
  readonly failedSignIns: number | undefined;
  readonly days: readonly (Deed & { readonly day: string })[];
  readonly refusals: readonly (Deed & { readonly reason: string | undefined; readonly more: number })[];
  readonly addresses: readonly (Counted & { readonly address: string })[];
  readonly agents: readonly (Counted & {
    readonly roles: readonly string[];
    readonly client: string;
    readonly external: boolean;
  })[];
  readonly patients: { readonly total: number; readonly lines: readonly (Counted & { readonly patient: string })[] };
}

export function activityPage(texts: Texts, data: ActivityData): string {
  return reportText(texts, data.head, {
    title: texts.reports.activity.title,
    facts: factsOf(texts, data),
    sections: [days(texts, data), refusals(texts, data), ...origins(texts, data), patients(texts, data)],
  });
}

function factsOf(texts: Texts, data: ActivityData): [string, Piece][] {
  const { activity } = texts.reports;
  const number = (value: number): string => numberText(texts, value);
  return [
    ...(data.name === undefined ? [] : [[activity.user, isolated(data.name)] satisfies [string, Piece]]),
    ...(data.user === undefined ? [] : [[activity.user, codeText(data.user)] satisfies [string, Piece]]),
    ...(data.client === undefined ? [] : [[activity.client, codeText(data.client)] satisfies [string, Piece]]),
    [activity.events, number(data.events)],
    [activity.refused, number(data.refused)],
    [activity.signIns, number(data.signIns)],
    ...(data.failedSignIns === undefined
      ? []
      : [[activity.failedSignIns, number(data.failedSignIns)] satisfies [string, Piece]]),
    [activity.patients, number(data.patients.total)],
  ];
}

function typeCell(texts: Texts, type: string | undefined): Piece {
  return type === undefined ? undefined : isolated(thingWords(texts, type));
}

function counts(texts: Texts, head: ReportHead, { first, last, count, refused }: Counted): Piece[] {
  return [moment(texts, head, first), moment(texts, head, last), numberText(texts, count), numberText(texts, refused)];
}

function days(texts: Texts, { days: lines }: ActivityData): Section {
  const { activity, columns } = texts.reports;
  return {
    title: activity.days,
    table: {
      columns: [columns.day, columns.deed, columns.type, columns.count, columns.refused],
      rows: lines.map(({ day, event, deed, type, count, refused }) => [
        dateText(texts, day),
        deedWords(texts, event, deed),
        typeCell(texts, type),
        numberText(texts, count),
        numberText(texts, refused),
      ]),
    },
  };
}

function refusals(texts: Texts, { head, refusals: lines }: ActivityData): Section {
  const { activity, columns } = texts.reports;
  return {
    title: activity.refusals,
    table: {
      columns: [columns.deed, columns.type, columns.reason, columns.first, columns.last, columns.count],
      rows: lines.map(({ event, deed, type, reason, more, ...times }) => [
        deedWords(texts, event, deed),
        typeCell(texts, type),
        reason === undefined ? undefined : codeText(reason),
        ...counts(texts, head, times).slice(0, 2),
        more === 0 ? numberText(texts, times.count) : `${numberText(texts, times.count)} + ${numberText(texts, more)}`,
      ]),
    },
  };
}

function origins(texts: Texts, { head, addresses, agents }: ActivityData): Section[] {
  const { activity, columns } = texts.reports;
  const times = [columns.first, columns.last, columns.count, columns.refused];
  return [
    {
      title: activity.addresses,
      table: {
        columns: [columns.address, ...times],
        rows: addresses.map((line) => [codeText(line.address), ...counts(texts, head, line)]),
      },
    },
    {
      title: activity.agents,
      table: {
        columns: [columns.application, columns.role, ...times],
        rows: agents.map((line) => [
          clientWords(texts, line),
          list(line.roles.map((role) => isolated(roleWords(texts, role)))),
          ...counts(texts, head, line),
        ]),
      },
    },
  ];
}

function patients(texts: Texts, { head, patients: { total, lines } }: ActivityData): Section {
  const { activity, columns } = texts.reports;
  const shown = numberText(texts, lines.length);
  return {
    title: activity.list,
    table: {
      columns: [columns.patient, columns.first, columns.last, columns.count, columns.refused],
      rows: lines.map((line) => [codeText(`Patient/${line.patient}`), ...counts(texts, head, line)]),
    },
    ...(lines.length < total && { note: activity.more(shown, numberText(texts, total)) }),
  };
}
