/**
 * Events of other systems: IHE ITI-20, the FHIR Feed (RESTful ATNA, ITI TF-2: 3.20.4.2). A create of an AuditEvent, or a
 * batch of such creates.
 *
 * 1. What is sent is validated, bounded, and kept as it was sent; it is sealed with the rest and never changes.
 * 2. `recorded` says when it happened, and `date` asks for that. The log is in the order in which events came, whatever a
 *    clock elsewhere says.
 * 3. A sender that got no answer sends again: an event with an identifier (its id, or the fullUrl of its entry) that the
 *    same application sent before with the same content is the same event: 200 instead of 201. AuditEvent has no
 *    identifier of its own; the same id with other content is another event, since none must be lost.
 * 4. The create has its own event, as every create, stored in the same transaction: it tells who brought what.
 */
import { hash } from 'node:crypto';
import { shownEventText } from '../audit/event.ts';
import { externalAgent } from '../audit/external-agent.ts';
import type { AuditRecord, Outcome, Touched } from '../audit/record.ts';
import { rowOf } from '../audit/row.ts';
import { serializeJson, type JsonObject } from '../fhir/json.ts';
import { OutcomeError, outcomeError, type Issue } from '../fhir/outcome.ts';
import { validateResource } from '../fhir/validation/validate.ts';
import type { Answer, Context } from '../request.ts';
import { externalTerms, localEntities, type LocalReference } from '../search/external-terms.ts';
import { addExternal, noteReceived } from '../store/audit-external.ts';
import { writeAnswer } from './answers.ts';
import { notRefused } from './audited.ts';
import { readResource } from './body.ts';
import type { Call } from './call.ts';
import { inTransaction } from './commit.ts';
import { allowParameters } from './headers.ts';
import { newId } from './new-id.ts';

/** Twice what DICOM PS3.15 A.6 asks a receiver of audit messages to take. */
const longestEvent = 65_536;

export async function receiveAuditEvent(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  if (call.headers['if-none-exist'] !== undefined) {
    const sentence = 'An AuditEvent is not created conditionally; one with an id that was sent before is recognised.';
    throw outcomeError('not-supported', sentence, { status: 400 });
  }
  const event = await readResource(context, call, 'AuditEvent');
  const remarks = checked(event);
  const text = serializeJson(event);
  if (Buffer.byteLength(text) > longestEvent) {
    throw outcomeError('too-long', `An AuditEvent of another system has at most ${longestEvent} bytes.`);
  }
  const key = keyOf(context, call, event, text);
  // Before a connection is taken: whoever is new among the agents is committed on another.
  const agent = await agentNumber(context, event);
  return inTransaction(context, async (inside) => {
    const record = recordOf(inside, event, text);
    const before = key && (await noteReceived(inside.session, key, record));
    if (before === undefined) await add(inside, event, { record, agent });
    else inside.trail.touched.push(touchedEvent(before.id));
    return answer(inside, call, { ...record, ...before }, { created: before === undefined, remarks });
  });
}

/** @throws OutcomeError with every finding. */
function checked(event: JsonObject): Issue[] {
  const issues = validateResource(event);
  if (issues.some(({ severity }) => severity === 'error' || severity === 'fatal')) throw new OutcomeError(issues);
  return issues;
}

/** What recognises an event that is sent again; undefined where it has no identifier. */
function keyOf({ caller }: Context, { fullUrl }: Call, { id }: JsonObject, text: string): Buffer | undefined {
  const identifier = typeof id === 'string' ? id : fullUrl;
  if (identifier === undefined) return undefined;
  return hash('sha256', JSON.stringify([caller.client, caller.subject, identifier, text]), 'buffer');
}

function recordOf(context: Context, event: JsonObject, text: string): AuditRecord {
  const { address, requestId, base } = context;
  const client = senderOf(context);
  const time = Date.now();
  const entities = localEntities(event, [base]);
  return {
    id: newId(time),
    time,
    kind: 'external',
    outcome: outcomeOf(event),
    agent: externalAgent(event, client, [base]),
    address,
    purposes: purposesOf(event),
    requestId,
    touched: entities.map(entityOf),
    patients: [...new Set(entities.flatMap(({ type, id }) => (type === 'Patient' ? [id] : [])))],
    sent: { text, client },
  };
}

/** The application that brings it. */
function senderOf({ caller: { client, subject } }: Context): string {
  return client === '' ? subject : client;
}

/** Codes of v3-ActReason, as those of this server are. */
function purposesOf({ purposeOfEvent }: JsonObject): string[] {
  const concepts = (purposeOfEvent ?? []) as { coding?: { system?: string; code?: string }[] }[];
  return concepts
    .flatMap(({ coding = [] }) => coding)
    .flatMap(({ system, code }) => (system === actReason && code !== undefined ? [code] : []));
}

const actReason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

function outcomeOf({ outcome }: JsonObject): Outcome {
  const known = ([0, 4, 8, 12] as const).find((number) => String(number) === outcome);
  return known ?? 0;
}

function entityOf({ type, id, version = '' }: LocalReference): Touched {
  return { type, id, ...(/^[1-9]\d{0,8}$/.test(version) && { version: Number(version) }) };
}

function touchedEvent(id: string): Touched {
  return { type: 'AuditEvent', id, version: 1 };
}

function agentNumber(context: Context, event: JsonObject): Promise<number> {
  const { server, tenant, base } = context;
  const agent = externalAgent(event, senderOf(context), [base]);
  return notRefused(() => server.agentNumber(tenant.id, JSON.stringify(agent)));
}

async function add(
  inside: Context,
  event: JsonObject,
  { record, agent }: { readonly record: AuditRecord; readonly agent: number },
): Promise<void> {
  const security = ((event['meta'] ?? {}) as JsonObject)['security'];
  await addExternal(inside.session, {
    row: rowOf(record),
    agent,
    recorded: String(event['recorded']),
    found: { terms: externalTerms(event, [inside.base]), ...(security !== undefined && { labelled: true }) },
    patients: record.patients,
  });
  inside.trail.touched.push(touchedEvent(record.id));
  inside.trail.writes += 1;
}

function answer(
  context: Context,
  call: Call,
  record: AuditRecord,
  { created, remarks }: { created: boolean; remarks: readonly Issue[] },
): Answer {
  const text = shownEventText(record, { observer: context.tenant.name });
  const lastUpdated = new Date(record.time).toISOString();
  return writeAnswer(context, call, {
    type: 'AuditEvent',
    id: record.id,
    version: 1,
    lastUpdated,
    created,
    text,
    remarks,
  });
}
