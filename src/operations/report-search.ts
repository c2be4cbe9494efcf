/**
 * Which events a report is about: those of a period, up to now, that meet criteria and that the caller may find. A report
 * says nothing that its caller could not count from a search of AuditEvent.
 */
import { isUnconditional, isUnfiltered, type Permit } from '../access/permits.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { parseQuery } from '../fhir/query.ts';
import { accessOf } from '../interactions/access.ts';
import { checkAuditNames } from '../interactions/audit-search.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { ReportHead } from '../pages/report-document.ts';
import type { Context, Parameters } from '../request.ts';
import { and, type Condition } from '../search/ast.ts';
import { dateInterval, type Interval } from '../search/interval.ts';
import { parseSearch } from '../search/parse.ts';
import { isResultParameter } from '../search/result-parameters.ts';
import type { EventSearch } from '../store/audit-search.ts';
import type { Session } from '../store/pool.ts';
import { optional } from './administer.ts';
import type { Input } from './parameters.ts';

export interface ReportPeriod {
  /** Milliseconds since 1970: from `from`, before `before`. */
  readonly from: number | undefined;
  readonly before: number;
  /** As they were asked for. */
  readonly start: string | undefined;
  readonly end: string | undefined;
}

/** A date as FHIR writes it; a + that was not escaped arrives as a blank. @throws OutcomeError `invalid` */
export function dateOf(name: string, text: string, zone = 'UTC'): Interval {
  const found = dateInterval(text.replace(/ (\d\d:\d\d)$/, '+$1'), zone);
  if (found !== undefined) return found;
  throw outcomeError('invalid', `${name} must be a FHIR date or instant, not "${text.slice(0, 40)}".`, { status: 400 });
}

/** `start` and `end`, both included, as Patient/$everything has them. Nothing after now is reported. */
export function reportPeriod({ tenant }: Context, input: Input, now: number): ReportPeriod {
  const [start, end] = [optional(input, 'start'), optional(input, 'end')];
  const zone = tenant.settings.timezone;
  const from = start === undefined ? undefined : dateOf('start', start, zone).low;
  const until = end === undefined ? now : dateOf('end', end, zone).high;
  if (from !== undefined && from >= until) {
    throw outcomeError('invalid', 'start must be before end.', { status: 400 });
  }
  return { from, before: Math.min(until, now), start, end };
}

/** What the page of a report says at its top. */
export function reportHead(
  { tenant }: Context,
  { period, now, partial }: { readonly period: ReportPeriod; readonly now: number; readonly partial: boolean },
): ReportHead {
  return {
    laboratory: tenant.title,
    made: new Date(now).toISOString(),
    from: period.from === undefined ? undefined : new Date(period.from).toISOString(),
    to: new Date(period.before).toISOString(),
    zone: tenant.settings.timezone ?? 'UTC',
    partial,
  };
}

/**
 * `date` is when it happened, also where another system says so. Without an end all that came in until now is meant, so that
 * a clock that is ahead elsewhere hides nothing.
 */
function periodCondition(context: Context, { from, before, end }: ReportPeriod): Condition[] {
  const instant = (time: number): string => new Date(time).toISOString();
  const dates: [string, string][] = [
    ...(from === undefined ? [] : [['date', `ge${instant(from)}`] satisfies [string, string]]),
    ...(end === undefined ? [] : [['date', `lt${instant(before)}`] satisfies [string, string]]),
  ];
  const received: Condition = { kind: 'updated', values: [{ prefix: 'le', interval: { low: before, high: before } }] };
  return [...(dates.length === 0 ? [] : [criteria(context, dates)]), ...(end === undefined ? [received] : [])];
}

/** Search criteria of AuditEvent as a condition. @throws OutcomeError for what the log cannot be asked. */
export function criteria(context: Context, query: Parameters): Condition {
  checkAuditNames(query);
  const vain = query.find(([name]) => isResultParameter(name));
  if (vain !== undefined) {
    throw outcomeError('invalid', `"${vain[0].slice(0, 80)}" is no criterion for a report.`, { status: 400 });
  }
  const parameters = searchParametersOf(context);
  return parseSearch('AuditEvent', query, { parameters, access: accessOf(context) }).condition;
}

/** The same as text: `agent-role=pathologist&outcome=0`. */
export function criteriaText(context: Context, text: string): Condition {
  const query = parseQuery(text.replace(/^(AuditEvent)?\?/, ''), 'The parameter query');
  const vain = query.find(([, value]) => value === '');
  if (query.length > 0 && vain === undefined) return criteria(context, query);
  throw outcomeError('invalid', `query takes search criteria of AuditEvent, such as address=10.0.0.7.`, {
    status: 400,
  });
}

/** @throws OutcomeError `forbidden` for a caller who may not search AuditEvent at all. */
export function reportSearch(
  context: Context,
  operation: string,
  { period, about }: { readonly period: ReportPeriod; readonly about: readonly Condition[] },
): EventSearch {
  const seen = accessOf(context);
  const access = seen('AuditEvent');
  if (access === undefined) {
    const sentence = `Your scopes do not allow ${operation}: that needs a scope such as user/AuditEvent.s, or patient/AuditEvent.s for oneself.`;
    throw outcomeError('forbidden', sentence);
  }
  return { condition: and([...about, ...periodCondition(context, period)]), access, seen };
}

function searching({ caller }: Context): Permit[] {
  return caller.permits.filter(
    ({ type, permissions }) => (type === '*' || type === 'AuditEvent') && permissions.includes('s'),
  );
}

/** Whether the caller searches the log for others than himself. */
export function asksForOthers(context: Context): boolean {
  return searching(context).some(({ compartments }) => compartments.length === 0);
}

/** A report on a user is for those who watch over others. @throws OutcomeError `forbidden` for a patient. */
export function checkForOthers(context: Context, operation: string): void {
  if (asksForOthers(context)) return;
  throw outcomeError(
    'forbidden',
    `Your scopes do not allow ${operation}: that needs a scope such as user/AuditEvent.s.`,
  );
}

/** @throws OutcomeError `forbidden` for a patient who asks about another. */
export function checkAbout(context: Context, patient: string): void {
  const may = searching(context).some(({ compartments }) =>
    compartments.every(({ type, id }) => type === 'Patient' && id === patient),
  );
  if (may) return;
  throw outcomeError(
    'forbidden',
    `Your scopes do not allow $access-report on this patient: that needs a scope such as user/AuditEvent.s, or patient/AuditEvent.s for oneself.`,
  );
}

/** Whether conditions of the caller's scopes may keep events out of a report. @param patient whom alone it is about */
export function isPartial(context: Context, patient?: string): boolean {
  return !searching(context).some(
    (permit) =>
      isUnconditional(permit) ||
      (isUnfiltered(permit) && permit.compartments.every(({ type, id }) => type === 'Patient' && id === patient)),
  );
}

/** All numbers of a report are of one moment. */
export function inOneMoment<T>(context: Context, work: (session: Session) => Promise<T>): Promise<T> {
  if (context.inTransaction) return work(context.session);
  return context.server.database.transaction(context.tenant.id, work, 'snapshot');
}
