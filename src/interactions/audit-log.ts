/**
 * AuditEvents are no resources that somebody wrote: they are made of the audit log when they are asked for. Reading,
 * searching and the history of one; an event has one version, the first. Nobody writes them, but for other systems that
 * bring their own events (audit-receive.ts).
 * https://hl7.org/fhir/R4/auditevent.html
 */
import type { Interaction } from '../access/needs.ts';
import { isUnconditional } from '../access/permits.ts';
import { shownEventText } from '../audit/event.ts';
import type { AuditRecord } from '../audit/record.ts';
import { bundleText } from '../fhir/bundle-text.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Answer, Caller, Context } from '../request.ts';
import { readEvent } from '../store/audit-search.ts';
import type { Stored } from '../store/read.ts';
import { accessOf } from './access.ts';
import { storedAnswer } from './answers.ts';
import type { Handler, Target } from './call.ts';
import { allowParameters, etag } from './headers.ts';
import { askedSubset, subsetText } from './subset.ts';

const type = 'AuditEvent';

/** The event as a resource, in the form that other handlers know. */
export function storedEvent({ tenant }: Pick<Context, 'tenant'>, record: AuditRecord): Stored {
  return {
    type: typeNumber(type) ?? -1,
    id: record.id,
    rid: '',
    version: 1,
    lastUpdated: new Date(record.time).toISOString(),
    method: 'POST',
    text: shownEventText(record, { observer: tenant.name }),
  };
}

/** @throws OutcomeError `not-found`, also for what the caller may not see. */
export async function visibleEvent(context: Context, id: string): Promise<AuditRecord> {
  const access = accessOf(context, 'r')(type);
  const record = access && (await readEvent(context.session, id, access));
  if (record === undefined) throw outcomeError('not-found', `There is no AuditEvent/${id.slice(0, 64)}.`);
  record.patients.forEach((patient) => context.trail.patients.add(patient));
  return record;
}

export const readAuditEvent: Handler = async (context, call) => {
  allowParameters(call, ['_summary', '_elements']);
  const { id, version } = call.target;
  if (version !== '' && version !== '1') {
    throw outcomeError(
      'not-found',
      `There is no version ${version.slice(0, 64)} of AuditEvent/${id}: an event has one.`,
    );
  }
  return storedAnswer(context, call, storedEvent(context, await visibleEvent(context, id)));
};

/** One entry: what is logged does not change. */
export const auditEventHistory: Handler = async (context, call): Promise<Answer> => {
  allowParameters(call, ['_summary', '_elements']);
  const stored = storedEvent(context, await visibleEvent(context, call.target.id));
  context.trail.touched.push({ type, id: stored.id, version: 1 });
  const name = `${type}/${stored.id}`;
  const entry = {
    fullUrl: `${context.base}/${name}`,
    text: subsetText(stored.text ?? '', askedSubset(call)),
    request: { method: 'POST', url: type },
    response: { status: '201', etag: etag(1), lastModified: stored.lastUpdated },
  };
  const links = [{ relation: 'self' as const, url: `${context.base}/${name}/_history` }];
  const timestamp = new Date().toISOString();
  return { status: 200, text: bundleText({ type: 'history', total: 1, links, timestamp }, [entry]) };
};

export const noAuditHistory: Handler = () => {
  throw outcomeError(
    'not-supported',
    'AuditEvents have no history of their own: each has one version. Search AuditEvent by date instead.',
    { status: 405, headers: { allow: 'GET, HEAD, POST' } },
  );
};

const writing: ReadonlySet<Interaction> = new Set<Interaction>(['create', 'update', 'patch', 'delete']);
const changing: ReadonlySet<string> = new Set(['$meta-add', '$meta-delete']);
/** Operations on what is stored as a resource, which an event is not. */
const elsewhere: ReadonlySet<string> = new Set(['$meta', '$validate', '$graphql']);

/**
 * Refuses what would change the log, before anything is done; the caller's scopes are known to allow it. Only who has a
 * scope for exactly that brings events of another system: AuditEvent by name, without conditions.
 * @throws OutcomeError 405; 400 for such an event in a transaction.
 */
export function refuseAuditChange(
  { caller, inTransaction }: Pick<Context, 'caller' | 'inTransaction'>,
  interaction: Interaction,
  target: Target,
): void {
  if (target.type !== type) return;
  if (interaction === 'create' && maySend(caller)) {
    if (!inTransaction) return;
    const sentence = 'AuditEvents are sent one by one or in a batch, not in a transaction: each is taken for itself.';
    throw outcomeError('not-supported', sentence, { status: 400 });
  }
  if (writing.has(interaction) || (interaction === 'operation' && changing.has(target.operation))) {
    throw outcomeError(
      'not-supported',
      'The audit log is written by the server alone: nobody creates, changes or deletes an AuditEvent, but for systems with the scope system/AuditEvent.c, which create their own.',
      {
        status: 405,
        headers: { allow: 'GET, HEAD' },
      },
    );
  }
  if (interaction === 'operation' && target.id !== '' && elsewhere.has(target.operation)) {
    throw outcomeError('not-supported', `${target.operation} is not possible on an AuditEvent; read it.`, {
      status: 404,
    });
  }
}

function maySend({ permits }: Caller): boolean {
  return permits.some((permit) => permit.type === type && permit.permissions.includes('c') && isUnconditional(permit));
}
