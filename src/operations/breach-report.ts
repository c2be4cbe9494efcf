/**
 * AuditEvent/$breach-report: whom and what a breach concerns, from the audit log, and the clock of 72 hours.
 * GDPR, Articles 33 and 34: https://eur-lex.europa.eu/eli/reg/2016/679/oj
 *
 *   GET [base]/AuditEvent/$breach-report?user=layla&start=2026-01-31T08:00:00Z&end=…&aware=2026-02-01T09:00:00Z
 *
 * What is suspected: `user` (as $user-activity-report), `client`, `address`, each 0..*, any of several; `query`, search
 * criteria of AuditEvent as text; together they narrow. `start`, `end`; `aware`, when the laboratory became aware (default
 * now). Forms: Parameters; HTML, with the draft notice; `application/fhir+ndjson` and CSV, the list of persons and records.
 *
 * Parameters: criterion*, start, end, generated, aware, due (aware + 72 h), remaining (hours; below 0 = overdue), overdue,
 * events, refused, first, last (of what succeeded), persons, records, `event` by kind, `category` (type, label where records
 * carry one now, records, persons), `notice` (language, text) in three languages, and `list`, the address of the list.
 *
 * 1. It counts the whole log: the caller's scopes on AuditEvent must have no conditions, so that no number is too low.
 * 2. What was refused or failed exposed nothing and concerns nobody; it is counted apart.
 * 3. The list is streamed as PostgreSQL delivers it: ten million lines do not stand in memory. The event of a list keeps the
 *    request, which finds the same persons again, not each of their ids.
 */
import { confidentialities, confidentialitySystem } from '../access/confidentiality.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { breachPage } from '../pages/breach-report.ts';
import { accessReview } from '../accounts/access-review.ts';
import type { Answer, Context } from '../request.ts';
import { or, type Condition } from '../search/ast.ts';
import { allowTime, breachOf, type Breach } from '../store/breach-report.ts';
import { optional } from './administer.ts';
import { checkWholeLog } from './audit-period.ts';
import { breachList } from './breach-list.ts';
import { breachData, breachParameters } from './breach-parameters.ts';
import { operationInput, type Input } from './parameters.ts';
import { htmlAnswer, reportForm, reportTexts } from './report-form.ts';
import {
  criteria,
  criteriaText,
  dateOf,
  inOneMoment,
  reportPeriod,
  reportSearch,
  type ReportPeriod,
} from './report-search.ts';
import { eventsOfClient, eventsOfUser, usersOf } from './report-user.ts';

export interface Officer {
  readonly name: string;
  readonly email: string | undefined;
}

export interface BreachReport {
  /** As they were asked for: `user layla`. */
  readonly criteria: readonly (readonly [name: string, value: string])[];
  readonly period: ReportPeriod;
  readonly now: number;
  readonly partial: false;
  readonly aware: number;
  readonly breach: Breach;
  readonly officers: readonly Officer[];
}

const names = ['user', 'client', 'address', 'query', 'start', 'end', 'aware', '_language'];

export async function breachReport(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, names);
  checkWholeLog(context.caller, '$breach-report');
  const form = reportForm(call, ['csv', 'html', 'ndjson']);
  const texts = reportTexts(input, call);
  const now = Date.now();
  const [period, aware] = [reportPeriod(context, input, now), awareOf(context, input, now)];
  const asked = await askedOf(context, input);
  const search = reportSearch(context, '$breach-report', { period, about: asked.conditions });
  if (form === 'csv' || form === 'ndjson') return breachList(context, search, { form, now });
  const breach = await inOneMoment(context, async (session) => {
    if (!context.inTransaction) await allowTime(session);
    return breachOf(session, { search, labels });
  });
  const report = { ...asked, period, now, aware, breach, partial: false as const, officers: await officersOf(context) };
  if (form === 'html') return htmlAnswer(breachPage(texts, breachData(context, report)), texts);
  return { status: 200, resource: breachParameters(context, call, report) };
}

const labels = {
  codes: confidentialities.map((code) => code.toLowerCase()),
  systems: [confidentialitySystem, 'urn:oid:2.16.840.1.113883.5.25'],
};

/** A day is taken from its beginning: the clock must not end too late. */
function awareOf({ tenant }: Context, input: Input, now: number): number {
  const text = optional(input, 'aware');
  if (text === undefined) return now;
  const { low } = dateOf('aware', text, tenant.settings.timezone);
  if (low <= now) return low;
  throw outcomeError('invalid', 'aware is when the laboratory became aware; it must not be in the future.', {
    status: 400,
  });
}

interface AskedFor {
  readonly criteria: BreachReport['criteria'];
  readonly conditions: readonly Condition[];
}

/** Values of one parameter; a guess at what anybody suspects at once. */
const mostValues = 50;

async function askedOf(context: Context, input: Input): Promise<AskedFor> {
  const given = ['user', 'client', 'address', 'query'].map((name) => ({
    name,
    values: name === 'user' ? usersOf(input) : input.texts(name),
  }));
  const asked = given.filter(({ values }) => values.length > 0);
  const many = asked.find(({ values }) => values.length > mostValues);
  if (many !== undefined) {
    throw outcomeError('too-costly', `${many.name} takes at most ${mostValues} values.`, { status: 400 });
  }
  if (asked.length === 0) {
    const sentence = '$breach-report needs a user, a client, an address or a query: what is suspected.';
    throw outcomeError('required', sentence, { status: 400 });
  }
  const conditions: Condition[] = [];
  for (const { name, values } of asked) {
    const any = await Promise.all(values.map((value) => conditionOf(context, name, value)));
    conditions.push(or(any));
  }
  const pairs = asked.flatMap(({ name, values }) => values.map((value): [string, string] => [name, value]));
  return { criteria: pairs, conditions };
}

async function conditionOf(context: Context, name: string, value: string): Promise<Condition> {
  if (name === 'user') return (await eventsOfUser(context, value)).condition;
  if (name === 'client') return eventsOfClient(context, value);
  if (name === 'query') return criteriaText(context, value);
  return criteria(context, [['address:exact', addressOf(value)]]);
}

function addressOf(value: string): string {
  if (/^[0-9A-Za-z.:%[\]_-]{1,64}$/.test(value)) return value;
  throw outcomeError('invalid', `address is a network address, not "${value.slice(0, 64)}".`, { status: 400 });
}

/** Whom the authority may ask: those who hold the role now. */
async function officersOf({ session }: Context): Promise<Officer[]> {
  const all = await accessReview(session);
  return all
    .filter(({ account, roles }) => account.status === 'active' && roles.some(({ role }) => role === officerRole))
    .map(({ account: { display, email } }) => ({ name: display, email }));
}

const officerRole = 'data-protection-officer';
