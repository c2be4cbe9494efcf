/**
 * Patient/[id]/$access-report: who saw this patient, from the audit log.
 *
 *   GET [base]/Patient/[id]/$access-report?start=2026-01-01&end=2026-01-31          Parameters
 *   GET … Accept: text/csv                      a table for a spreadsheet
 *   GET … Accept: text/html                     a page to print; _language=ar|fr|en, else Accept-Language
 *
 * Parameters: patient, start, end, generated, events, refused (of them), partial where the caller's scopes have conditions,
 * and `access` for each agent and purpose: user, name, username, role*, organization*, client, purpose*, first, last, count,
 * refused, and `seen` for each type: type, action*, count of different resources, resource* (50 at most).
 *
 * Who may: whoever may search AuditEvent, and no more of it than that: data protection officers, auditors; a patient for
 * himself with patient/AuditEvent.s. The role `patient` as it is shipped has no such scope, because the events of a search
 * name all patients that it showed; a laboratory that adds it knows so. This report names no other patient.
 *
 * An event of another system is told as that system tells it (`external`): its user, times and purpose; `client` brought it.
 *
 * Nothing is cut: a report of more than 5,000 lines is refused.
 */
import { kindOf, kinds } from '../audit/kinds.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { isId } from '../fhir/reference.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Call } from '../interactions/call.ts';
import { parseStored } from '../interactions/document.ts';
import { visibleCurrent } from '../interactions/visible.ts';
import { accessReportPage, type Action, type AccessReportLine } from '../pages/access-report.ts';
import type { Answer, Context } from '../request.ts';
import { accessLines, type AccessLine, type Seen } from '../store/access-report.ts';
import { csvText, type CsvLine } from './csv.ts';
import { operationInput } from './parameters.ts';
import { csvAnswer, fileName, htmlAnswer, reportForm, reportTexts } from './report-form.ts';
import { userParts } from './report-parts.ts';
import { humanName, peopleOf, type People, type Someone } from './report-people.ts';
import {
  checkAbout,
  criteria,
  inOneMoment,
  isPartial,
  reportHead,
  reportPeriod,
  reportSearch,
  type ReportPeriod,
} from './report-search.ts';

interface Line extends AccessLine {
  readonly who: Someone;
}

interface Report {
  readonly patient: string;
  readonly period: ReportPeriod;
  readonly now: number;
  readonly partial: boolean;
  readonly lines: readonly Line[];
}

export async function accessReport(context: Context, call: Call): Promise<Answer> {
  const { id } = call.target;
  const input = await operationInput(context, call, ['start', 'end', '_language']);
  if (!isId(id)) throw outcomeError('invalid', `"${id.slice(0, 64)}" is no id of a Patient.`, { status: 400 });
  checkAbout(context, id);
  const form = reportForm(call, ['csv', 'html']);
  const texts = reportTexts(input, call);
  const now = Date.now();
  const period = reportPeriod(context, input, now);
  const about = [criteria(context, [['entity', `Patient/${id}`]])];
  const search = reportSearch(context, '$access-report', { period, about });
  const found = await inOneMoment(context, (session) => accessLines(session, search, id));
  const people = await peopleOf(
    context,
    found.map(({ agent }) => agent),
  );
  const report: Report = {
    patient: id,
    period,
    now,
    partial: isPartial(context, id),
    lines: withPeople(found, people),
  };
  if (form === 'csv')
    return csvAnswer(csvText(columns, report.lines.map(csvLine)), fileName('access-report', 'csv', now));
  if (form === 'fhir') return { status: 200, resource: parametersOf(report) };
  const page = accessReportPage(texts, {
    head: reportHead(context, report),
    patient: { id, name: await patientName(context, id) },
    ...totals(report),
    lines: report.lines.map(pageLine),
  });
  return htmlAnswer(page, texts);
}

function withPeople(found: readonly AccessLine[], people: People): Line[] {
  return found.map((line) => ({ ...line, who: people(line.agent) }));
}

/** Where the caller may read it: an auditor sees the id alone. */
async function patientName(context: Context, id: string): Promise<string | undefined> {
  const stored = await visibleCurrent(context, { type: typeNumber('Patient') ?? -1, id });
  return typeof stored?.text === 'string' ? humanName(parseStored(stored.text)) : undefined;
}

function totals({ lines }: Report): { events: number; refused: number } {
  const sum = (of: (line: Line) => number): number => lines.reduce((all, line) => all + of(line), 0);
  return { events: sum(({ count }) => count), refused: sum(({ refused }) => refused) };
}

/** Deeds are numbers of kinds, or actions that another system told. */
function actionsOf({ deeds }: Seen): Action[] {
  return [
    ...new Set(deeds.map((deed) => (/^\d/.test(deed) ? kinds[kindOf(Number(deed))].action : asAction(deed)))),
  ].sort();
}

function asAction(letter: string): Action {
  return (['C', 'R', 'U', 'D'] as const).find((action) => action === letter) ?? 'E';
}

function parametersOf(report: Report): JsonObject {
  const { patient, period, now, partial, lines } = report;
  const { events, refused } = totals(report);
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'patient', valueReference: { reference: `Patient/${patient}` } },
      ...(period.from === undefined ? [] : [{ name: 'start', valueInstant: new Date(period.from).toISOString() }]),
      { name: 'end', valueInstant: new Date(period.before).toISOString() },
      { name: 'generated', valueInstant: new Date(now).toISOString() },
      { name: 'events', valueUnsignedInt: events },
      { name: 'refused', valueUnsignedInt: refused },
      ...(partial ? [{ name: 'partial', valueBoolean: true }] : []),
      ...lines.map((line) => ({ name: 'access', part: partsOf(line) })),
    ],
  };
}

function partsOf({ who, external, purposes, first, last, count, refused, seen }: Line): JsonObject[] {
  return [
    ...userParts(who),
    ...(external ? [{ name: 'external', valueBoolean: true }] : []),
    ...purposes.map((code) => ({ name: 'purpose', valueCode: code })),
    { name: 'first', valueInstant: first },
    { name: 'last', valueInstant: last },
    { name: 'count', valueUnsignedInt: count },
    { name: 'refused', valueUnsignedInt: refused },
    ...seen.map((one) => ({ name: 'seen', part: seenParts(one) })),
  ];
}

function seenParts(seen: Seen): JsonObject[] {
  const { type, count, ids } = seen;
  return [
    ...(type === undefined ? [] : [{ name: 'type', valueCode: type }]),
    ...actionsOf(seen).map((action) => ({ name: 'action', valueCode: action })),
    { name: 'count', valueUnsignedInt: count },
    ...ids.map((id) => ({ name: 'resource', valueReference: { reference: `${type}/${id}` } })),
  ];
}

const columns = [
  'user',
  'name',
  'username',
  'role',
  'organization',
  'client',
  'external',
  'purpose',
  'first',
  'last',
  'count',
  'refused',
  'seen',
];

function csvLine({ who, external, purposes, first, last, count, refused, seen }: Line): CsvLine {
  const { agent, name, username, organizations } = who;
  return {
    user: who.person ? (agent.fhirUser ?? agent.subject) : '',
    name,
    username,
    role: agent.roles.join(' '),
    organization: organizations.map((one) => one.name ?? one.reference).join('; '),
    client: who.clientName ?? agent.client,
    external: external ? 'true' : '',
    purpose: purposes.join(' '),
    first,
    last,
    count,
    refused,
    seen: seen
      .flatMap((one) => (one.type === undefined ? [] : [`${one.type} ${one.count} (${actionsOf(one).join('')})`]))
      .join('; '),
  };
}

function pageLine({ who, seen, ...line }: Line): AccessReportLine {
  const { agent } = who;
  return {
    ...line,
    name: who.name,
    username: who.username,
    reference: who.person ? agent.fhirUser : undefined,
    subject: who.person ? agent.subject : agent.client,
    roles: agent.roles,
    organizations: who.organizations.map(({ name, reference }) => name ?? reference),
    client: who.clientName ?? agent.client,
    seen: seen.map((one) => ({ type: one.type, count: one.count, actions: actionsOf(one) })),
  };
}
