/**
 * AuditEvent/$user-activity-report: what a user, or an application, did in a period, from the audit log.
 *
 *   GET [base]/AuditEvent/$user-activity-report?user=Practitioner/7&start=2026-01-01&end=2026-01-31
 *
 * `user` (a reference, a username, the id of an account) or `client`, or both. Forms and language as Patient/$access-report.
 *
 * Parameters: user, name, username, client, start, end, generated, events, refused, partial, first, last, sign-ins,
 * failed-sign-ins (under the username, by whomever), patients (how many), and
 *   day      date, event, action, deed, type, count, refused      by the laboratory's days
 *   refusal  event, deed, type, reason, first, last, count; more: refusals past a rate that the events stand for
 *   address, agent (client, external, role*)                                 first, last, count, refused
 *   patient  patient, first, last, count, refused                  in the order of their ids, _count at a time (1,000; at
 *            most 10,000); `next` is the address of the rest
 *
 * On AuditEvent, because a user of the log need be no resource. It counts what the caller may find of the log; `partial`
 * says where conditions of his scopes may leave something out.
 */
import { kindOf } from '../audit/kinds.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { isId } from '../fhir/reference.ts';
import type { Call } from '../interactions/call.ts';
import { activityPage } from '../pages/activity-report.ts';
import type { Answer, Context } from '../request.ts';
import { and } from '../search/ast.ts';
import {
  activityOf,
  failedSignIns,
  patientsConcerned,
  type Activity,
  type PatientPage,
} from '../store/activity-report.ts';
import type { EventSearch } from '../store/audit-search.ts';
import type { Times } from '../store/audit-report.ts';
import { activityCsv } from './activity-csv.ts';
import { activityParameters, totalsOf } from './activity-parameters.ts';
import { optional } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';
import { csvAnswer, fileName, htmlAnswer, reportForm, reportTexts } from './report-form.ts';
import { peopleOf, type Someone } from './report-people.ts';
import {
  checkForOthers,
  inOneMoment,
  isPartial,
  reportHead,
  reportPeriod,
  reportSearch,
  type ReportPeriod,
} from './report-search.ts';
import { eventsOfClient, eventsOfUser, usersOf, type FoundUser } from './report-user.ts';

export interface ActivityReport {
  readonly user: string | undefined;
  readonly name: string | undefined;
  readonly username: string | undefined;
  readonly client: string | undefined;
  readonly period: ReportPeriod;
  readonly now: number;
  readonly partial: boolean;
  readonly activity: Activity;
  /** In the order of activity.agents. */
  readonly agents: readonly Someone[];
  readonly patients: PatientPage;
  readonly failedSignIns: Times | undefined;
}

const names = ['user', 'client', 'start', 'end', '_count', '_after', '_language'];

export async function userActivityReport(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, names);
  checkForOthers(context, '$user-activity-report');
  const form = reportForm(call, ['csv', 'html']);
  const texts = reportTexts(input, call);
  const report = await reportOf(context, input);
  report.patients.lines.forEach(({ patient }) => context.trail.patients.add(patient));
  if (form === 'csv') return csvAnswer(activityCsv(report), fileName('user-activity-report', 'csv', report.now));
  if (form === 'fhir') return { status: 200, resource: activityParameters(report, nextPage(context, input, report)) };
  return htmlAnswer(activityPage(texts, { head: reportHead(context, report), ...pageData(report) }), texts);
}

async function reportOf(context: Context, input: Input): Promise<ActivityReport> {
  const [[user, second], client] = [usersOf(input), optional(input, 'client')];
  if (second !== undefined) throw outcomeError('invalid', 'user is given once.', { status: 400 });
  if (user === undefined && client === undefined) {
    throw outcomeError('required', '$user-activity-report needs a user or a client.', { status: 400 });
  }
  const now = Date.now();
  const page = pageAsked(input);
  const period = reportPeriod(context, input, now);
  const whose = user === undefined ? undefined : await eventsOfUser(context, user);
  const about = [whose?.condition, client === undefined ? undefined : eventsOfClient(context, client)];
  const search = reportSearch(context, '$user-activity-report', {
    period,
    about: [and(about.filter((one) => one !== undefined))],
  });
  const counted = await inOneMoment(context, async (session) => ({
    activity: await activityOf(session, { search, zone: context.tenant.settings.timezone ?? 'UTC' }),
    patients: await patientsConcerned(session, search, page),
    failedSignIns: await failuresOf({ session, search }, { user, whose, period, partial: isPartial(context) }),
  }));
  const agents = counted.activity.agents.map(({ agent }) => agent);
  const people = await peopleOf(context, agents);
  const known = agents.map(people);
  return {
    user,
    name: known.find(({ name, person }) => person && name !== undefined)?.name ?? whose?.accounts[0]?.display,
    username: whose?.accounts[0]?.username,
    client,
    period,
    now,
    partial: isPartial(context),
    agents: known,
    ...counted,
  };
}

interface Whose {
  readonly user: string | undefined;
  readonly whose: FoundUser | undefined;
  readonly period: ReportPeriod;
  readonly partial: boolean;
}

/** Their agent is nobody, so that conditions on the agent could not be asked of them: told only to who sees the whole log. */
async function failuresOf(
  { session }: { readonly session: Parameters<typeof failedSignIns>[0]; readonly search: EventSearch },
  { user, whose, period, partial }: Whose,
): Promise<Times | undefined> {
  const username = whose?.accounts[0]?.username ?? user;
  if (username === undefined || partial) return undefined;
  const { from = 0, before } = period;
  return failedSignIns(session, { username, from, before });
}

function pageAsked(input: Input): { after: string; count: number } {
  const asked = optional(input, '_count') ?? '1000';
  const count = /^\d{1,5}$/.test(asked) ? Number(asked) : 0;
  const after = optional(input, '_after') ?? '';
  if (after !== '' && !isId(after)) throw outcomeError('invalid', '_after is the id of a patient.', { status: 400 });
  if (count >= 1 && count <= 10_000) return { after, count };
  throw outcomeError('invalid', `_count is 1 to 10000, not "${asked.slice(0, 20)}".`, { status: 400 });
}

function nextPage({ base }: Context, input: Input, { patients, period }: ActivityReport): string | undefined {
  if (patients.next === undefined) return undefined;
  const kept = ['user', 'client', 'start', '_count'].flatMap((name) =>
    (name === 'user' ? usersOf(input) : input.texts(name)).map((value): [string, string] => [name, value]),
  );
  // Up to the same moment, so that the pages are of one report.
  const end: [string, string] = ['end', period.end ?? new Date(period.before - 1).toISOString()];
  const query = new URLSearchParams([...kept, end, ['_after', patients.next]]).toString();
  return `${base}/AuditEvent/$user-activity-report?${query}`;
}

function pageData(report: ActivityReport): Omit<Parameters<typeof activityPage>[1], 'head'> {
  const { activity, agents, patients } = report;
  const named = <T extends { readonly kind: number }>(one: T): T & { readonly event: string } => ({
    ...one,
    event: kindOf(one.kind),
  });
  return {
    user: report.user,
    name: report.name,
    client: report.client,
    ...totalsOf(report),
    failedSignIns: report.partial ? undefined : (report.failedSignIns?.count ?? 0),
    days: activity.deeds.map(named),
    refusals: activity.refusals.map(named),
    addresses: activity.addresses,
    agents: activity.agents.map((one, i) => ({
      ...one,
      roles: one.agent.roles,
      client: agents[i]?.clientName ?? one.agent.client,
    })),
    patients: { total: patients.total, lines: patients.lines },
  };
}
