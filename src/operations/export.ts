/**
 * $export of the system, of Patient and of a Group: asks for a bulk export and answers where it will be told of.
 * https://hl7.org/fhir/uv/bulkdata/export.html (2.0, with the parameters that 3.0 added)
 *
 *   GET or POST [base]/$export, [base]/Patient/$export, [base]/Group/[id]/$export       Prefer: respond-async
 *
 * What the caller may do now is remembered with it: the job (jobs/export.ts) finds by the same conditions as a search.
 */
import { randomUUID } from 'node:crypto';
import { limitsOf } from '../access/plans.ts';
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { operationOutcome, outcomeError } from '../fhir/outcome.ts';
import { parseReference } from '../fhir/reference.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { statusUrl } from '../exporting/manifest.ts';
import { rememberedCaller, requestJson, type ExportRequest, type Level } from '../exporting/request.ts';
import type { Call } from '../interactions/call.ts';
import { parseStored } from '../interactions/document.ts';
import { preferredHandling, prefersAsync } from '../interactions/headers.ts';
import { visibleCurrent } from '../interactions/visible.ts';
import type { Answer, Context } from '../request.ts';
import { beginExport } from '../store/exports.ts';
import { recorded } from './administer.ts';
import { readParameters } from './export-parameters.ts';
import { operationInput } from './parameters.ts';

export async function bulkExport(context: Context, call: Call): Promise<Answer> {
  const level = levelOf(call);
  checkCall(context, call);
  const input = await operationInput(context, call, undefined);
  const asked = readParameters(context, input, level, preferredHandling(call) === 'lenient');
  const among = level.of === 'group' ? await membersOf(context, level.id) : undefined;
  const caller = rememberedCaller(context.caller);
  return begin(context, call, { ...asked, ...chosenPatients(asked, among), level, caller });
}

export async function begin(context: Context, call: Call, asked: Omit<ExportRequest, 'url' | 'base'>): Promise<Answer> {
  const request: ExportRequest = { ...asked, url: urlOf(context, call), base: context.base };
  const id = randomUUID();
  const { subject, client } = context.caller;
  const { exportConcurrency } = limitsOf(context.tenant.settings, 0);
  const made = { id, subject, client, request: requestJson(request) };
  await recorded(
    context,
    (session) => beginExport(session, made, exportConcurrency),
    () => thing('process', `export ${id}`),
  );
  const diagnostics = 'The export was begun; the address in Content-Location tells how far it is.';
  const outcome = operationOutcome([{ severity: 'information', code: 'informational', diagnostics }]);
  return {
    status: 202,
    headers: { 'content-location': statusUrl(context.base, id) },
    resource: outcome as unknown as JsonObject,
  };
}

function levelOf({ target }: Call): Level {
  if (target.type === '') return { of: 'system' };
  if (target.type === 'Patient' && target.id === '') return { of: 'patients' };
  if (target.type === 'Group' && target.id !== '') return { of: 'group', id: target.id };
  const sentence = '$export is there on the system, on Patient and on one Group.';
  throw outcomeError('not-supported', sentence, { status: 404 });
}

export function checkCall(context: Context, call: Call): void {
  if (context.inTransaction) {
    throw outcomeError('not-supported', 'An export is not asked for within a transaction; ask by itself.', {
      status: 400,
    });
  }
  if (call.method === 'HEAD') {
    throw outcomeError('not-supported', 'An export is asked for by GET or POST.', {
      status: 405,
      headers: { allow: 'GET, POST' },
    });
  }
  if (!prefersAsync(call)) {
    throw outcomeError('required', 'An export is asynchronous: send the header Prefer: respond-async.', {
      status: 400,
    });
  }
}

function urlOf(context: Context, call: Call): string {
  const path = `${context.base}/${call.segments.join('/')}`;
  const query = call.method === 'GET' ? (call.sent?.() ?? '') : '';
  return query === '' ? path : `${path}?${query}`.slice(0, 16_000);
}

/**
 * The members that are Patients of this server, active and of now. A Group belongs to each of its members: the consents of
 * one must not hide it from the others, and decide for each of them in what is exported.
 * @throws OutcomeError 404
 */
async function membersOf(context: Context, id: string): Promise<string[]> {
  const unbound: Context = { ...context, caller: { ...context.caller, consent: 'exempt' } };
  const stored = await visibleCurrent(unbound, { type: typeNumber('Group') ?? -1, id });
  if (typeof stored?.text !== 'string') throw outcomeError('not-found', `There is no Group/${id.slice(0, 64)}.`);
  const group = parseStored(stored.text);
  if (group['actual'] !== true) {
    const sentence = `Group/${id} describes members and names none (actual is false): there is nothing to export by it.`;
    throw outcomeError('business-rule', sentence, { status: 422 });
  }
  const now = new Date().toISOString();
  return ((group['member'] ?? []) as JsonObject[]).flatMap((member) => {
    const { inactive, period, entity } = member as { inactive?: boolean; period?: JsonObject; entity?: JsonObject };
    const reference = parseReference(String(entity?.['reference'] ?? ''), [context.base]);
    const isOver = inactive === true || !within(period, now);
    return isOver || reference?.kind !== 'local' || reference.type !== 'Patient' ? [] : [reference.id];
  });
}

/** FHIR dates of any precision, by their texts: enough for the day. */
function within(period: JsonObject | undefined, now: string): boolean {
  const [start, end] = [period?.['start'], period?.['end']].map((text) =>
    typeof text === 'string' ? text.slice(0, 10) : undefined,
  );
  return (
    !(start !== undefined && now.slice(0, start.length) < start) &&
    !(end !== undefined && now.slice(0, end.length) > end)
  );
}

function chosenPatients(
  { patients }: Pick<ExportRequest, 'patients'>,
  members: readonly string[] | undefined,
): Pick<ExportRequest, 'patients'> {
  if (members === undefined) return patients === undefined ? {} : { patients };
  const unique = [...new Set(members)];
  const stranger = patients?.find((id) => !unique.includes(id));
  if (stranger !== undefined) {
    throw outcomeError('invalid', `patient: Patient/${stranger} is no member of the group.`, { status: 400 });
  }
  return { patients: patients ?? unique };
}
