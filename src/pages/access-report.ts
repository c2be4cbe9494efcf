/** Who saw a patient, to read and to print. */
import { codeText, isolated, moment, numberText, reportText, type ReportHead } from './report-document.ts';
import { clientWords, list, purposeWords, roleWords, thingWords, whoHtml, type Whom } from './report-words.ts';
import type { Piece } from './html.ts';
import type { Texts } from './texts/en.ts';

export interface AccessReportData {
  readonly head: ReportHead;
  readonly patient: { readonly id: string; readonly name: string | undefined };
  readonly events: number;
  readonly refused: number;
  readonly lines: readonly AccessReportLine[];
}

export interface AccessReportLine extends Whom {
  readonly roles: readonly string[];
  readonly organizations: readonly string[];
  readonly client: string;
  /** Told by another system, which this application brought. */
  readonly external: boolean;
  readonly purposes: readonly string[];
  readonly first: string;
  readonly last: string;
  readonly count: number;
  readonly refused: number;
  readonly seen: readonly {
    readonly type: string | undefined;
    readonly count: number;
    readonly actions: readonly Action[];
  }[];
}

export type Action = 'C' | 'R' | 'U' | 'D' | 'E';

export function accessReportPage(texts: Texts, data: AccessReportData): string {
  const { access, columns } = texts.reports;
  const { head, patient, lines } = data;
  const number = (value: number): string => numberText(texts, value);
  return reportText(texts, head, {
    title: access.title,
    facts: [
      [access.patient, patient.name === undefined ? codeText(`Patient/${patient.id}`) : isolated(patient.name)],
      [access.events, number(data.events)],
      [access.refused, number(data.refused)],
      [access.people, number(lines.length)],
    ],
    sections: [
      {
        title: access.table,
        table: {
          columns: [
            columns.who,
            columns.role,
            columns.organization,
            columns.application,
            columns.purpose,
            columns.first,
            columns.last,
            columns.count,
            columns.refused,
            columns.what,
          ],
          rows: lines.map((line) => rowOf(texts, head, line)),
        },
      },
    ],
  });
}

function rowOf(texts: Texts, head: ReportHead, line: AccessReportLine): Piece[] {
  return [
    whoHtml(texts, line),
    list(line.roles.map((role) => isolated(roleWords(texts, role)))),
    list(line.organizations.map(isolated)),
    clientWords(texts, line),
    list(line.purposes.map((code) => isolated(purposeWords(texts, code)))),
    moment(texts, head, line.first),
    moment(texts, head, line.last),
    numberText(texts, line.count),
    numberText(texts, line.refused),
    list(line.seen.map((seen) => seenText(texts, seen))),
  ];
}

function seenText(texts: Texts, { type, count, actions }: AccessReportLine['seen'][number]): string {
  const { reports } = texts;
  if (type === undefined) return reports.noRecord;
  const done = actions.map((action) => reports.actions[action]);
  const words = new Intl.ListFormat(texts.locale, { type: 'unit' }).format(done);
  return reports.did(reports.seen(thingWords(texts, type), numberText(texts, count)), words);
}
