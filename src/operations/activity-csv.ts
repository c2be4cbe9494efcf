/** The activity of a user as one table: `part` says what a line counts. */
import { kindOf, kinds } from '../audit/kinds.ts';
import { csvText, type CsvLine } from './csv.ts';
import type { ActivityReport } from './user-activity-report.ts';

const columns = [
  'part',
  'date',
  'event',
  'action',
  'deed',
  'type',
  'reason',
  'address',
  'client',
  'external',
  'role',
  'patient',
  'first',
  'last',
  'count',
  'refused',
  'more',
];

/** The last line tells how many patients there are, where not all are listed. */
export function activityCsv({ activity, patients }: ActivityReport): string {
  const deed = (kind: number): CsvLine => ({ event: kindOf(kind), action: kinds[kindOf(kind)].action });
  return csvText(columns, [
    ...activity.deeds.map(({ day, kind, ...line }): CsvLine => ({
      part: 'day',
      date: day,
      ...deed(kind),
      ...line,
      action: line.action ?? kinds[kindOf(kind)].action,
    })),
    ...activity.refusals.map(({ kind, ...line }): CsvLine => ({ part: 'refusal', ...deed(kind), ...line })),
    ...activity.addresses.map((line): CsvLine => ({ part: 'address', ...line })),
    ...activity.agents.map(({ agent, external, ...line }): CsvLine => ({
      ...line,
      part: 'agent',
      client: agent.client,
      external: external ? 'true' : '',
      role: agent.roles.join(' '),
    })),
    ...patients.lines.map(({ patient, ...line }): CsvLine => ({
      part: 'patient',
      patient: `Patient/${patient}`,
      ...line,
    })),
    ...(patients.next === undefined
      ? []
      : [{ part: 'patients', patient: `${patients.lines.length} of ${patients.total} listed`, count: patients.total }]),
  ]);
}
