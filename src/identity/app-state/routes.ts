/**
 * SMART app state: what apps keep for themselves, at an endpoint beside the FHIR base.
 * https://hl7.org/fhir/smart-app-launch/app-state.html
 *
 *   POST   /app-state/Basic                                  201, ETag
 *   GET    /app-state/Basic?code=…|…&subject=…               200 Bundle; or subject:missing=true
 *   PUT    /app-state/Basic/[id]      If-Match               200, ETag; 412
 *   DELETE /app-state/Basic/[id]      If-Match               204; 412
 *
 * At most 20 of a code and subject, of 256 KB each; it counts for the storage of the laboratory.
 */
import type { Context } from 'koa';
import type { Agent } from '../../audit/record.ts';
import { thing } from '../../audit/security.ts';
import { operationOutcome, OutcomeError, outcomeError } from '../../fhir/outcome.ts';
import { serializeJson, type JsonObject, type JsonValue } from '../../fhir/json.ts';
import { sessionOf } from '../../store/accounts.ts';
import {
  addState,
  changeState,
  deleteState,
  findStates,
  readState,
  type AppState,
  type StateKey,
} from '../../store/app-state.ts';
import type { Session } from '../../store/pool.ts';
import { note, telling, type Deed } from '../audit-deeds.ts';
import type { Laboratory } from '../laboratory.ts';
import { appAccess, type AppAccess } from './allowed.ts';
import { basicOf, mostBytes, readBasic } from './content.ts';

const mostOfOne = 20;

interface Visit {
  readonly ctx: Context;
  readonly laboratory: Laboratory;
  readonly session: Session;
  readonly access: AppAccess;
  /** Address of the endpoint. */
  readonly base: string;
  readonly id: string;
  /** What its event tells. */
  readonly about: About;
}

interface About {
  readonly deed: string;
  readonly fhirBase: string;
  agent?: Partial<Agent>;
  key?: StateKey;
  ids?: readonly string[];
  /** Stored with the change that it tells of. */
  told?: boolean;
}

const interactions: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'search',
  PUT: 'update',
  DELETE: 'delete',
};

/** The event of what was asked, done or refused. */
function deedOf(
  { deed, fhirBase, agent = {}, key, ids = [] }: About,
  failure?: { readonly status: number; readonly code: string },
): Deed {
  const denied = failure?.status === 401 || failure?.status === 403;
  const { subject = '' } = key ?? {};
  const own = subject.startsWith(`${fhirBase}/`) ? subject.slice(fhirBase.length) : '';
  const patient = /^\/Patient\/([A-Za-z0-9.-]{1,64})$/.exec(own)?.[1];
  return {
    kind: denied ? 'access-denied' : 'app-state',
    deed,
    agent,
    ...(failure && { outcome: denied ? 8 : 4, reason: `${failure.status} ${failure.code}` }),
    ...(patient !== undefined && { patients: [patient] }),
    further: ids.map((id) => thing('state', id)),
  };
}

/** A change in one transaction with its event, where there was one. */
function changing<T>(visit: Visit, change: (session: Session) => Promise<T | undefined>): Promise<T | undefined> {
  const { laboratory, about } = visit;
  const told = telling(visit, () => deedOf(about));
  return laboratory.identity.database.transaction(laboratory.tenant.id, async (session) => {
    const done = await change(session);
    if (done !== undefined) await told(session);
    about.told = done !== undefined;
    return done;
  });
}

export function appState(laboratory: Laboratory) {
  return async (ctx: Context, next: () => Promise<void>): Promise<void> => {
    const [, endpoint, type, id = '', more] = ctx.path.split('/');
    if (endpoint !== 'app-state') return await next();
    ctx.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox");
    const { fhirBase } = laboratory;
    const about: About = { deed: `app-state ${interactions[ctx.method] ?? 'request'}`, fhirBase };
    try {
      const handler = handlers[`${ctx.method} ${id === '' ? 'Basic' : 'Basic/id'}`];
      if (type !== 'Basic' || more !== undefined || handler === undefined) throw nothing(ctx.method);
      const session = sessionOf(laboratory.identity.database, laboratory.tenant.id);
      const access = await appAccess(laboratory, session, ctx.get('authorization'));
      about.agent = access.agent;
      await handler({ ctx, laboratory, session, access, base: `${laboratory.issuer}/app-state`, id, about });
      if (about.told !== true) note(ctx, deedOf(about));
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      const status = error.status ?? statuses[error.issues[0]?.code ?? ''] ?? 400;
      note(ctx, deedOf(about, { status, code: error.issues[0]?.code ?? '' }));
      answer(ctx, status, operationOutcome(error.issues) as unknown as JsonObject);
      for (const [name, value] of Object.entries(error.headers)) ctx.set(name, value);
    }
  };
}

const statuses: Readonly<Record<string, number>> = { login: 401, forbidden: 403, 'not-found': 404, transient: 503 };

const handlers: Readonly<Record<string, (visit: Visit) => Promise<void>>> = {
  'POST Basic': create,
  'GET Basic': search,
  'PUT Basic/id': update,
  'DELETE Basic/id': remove,
};

async function create(visit: Visit): Promise<void> {
  const { ctx, laboratory, access, base, about } = visit;
  const { key, content, id } = readBasic(await bodyOf(ctx));
  about.key = key;
  if (id !== undefined) throw outcomeError('invalid', 'Basic.id is given by the server.', { status: 400 });
  access.check('c', key);
  const bytes = Buffer.byteLength(content);
  const { storage, tenant } = laboratory;
  await storage.check(tenant, bytes);
  const made = await changing(visit, async (session) => {
    const added = await addState(session, key, { content, madeBy: access.clientId, most: mostOfOne });
    about.ids = added === undefined ? [] : [added.id];
    return added;
  });
  if (made === undefined) {
    throw outcomeError('too-costly', `There are ${mostOfOne} of this code and subject already.`, { status: 409 });
  }
  storage.changed(tenant, bytes);
  ctx.set('location', `${base}/Basic/${made.id}`);
  answerState(ctx, 201, made);
}

async function search({ ctx, session, access, base, about }: Visit): Promise<void> {
  const query = new URLSearchParams(ctx.querystring);
  if ([...query.values()].some((value) => value.includes('\0'))) {
    throw outcomeError('invalid', 'A search has no null character.', { status: 400 });
  }
  const unknown = [...query.keys()].find((name) => !['code', 'subject', 'subject:missing', '_format'].includes(name));
  if (unknown !== undefined)
    throw outcomeError('not-supported', `${unknown.slice(0, 60)} is no parameter here.`, { status: 400 });
  const [system = '', code = ''] = (query.get('code') ?? '').split('|');
  const subject = query.get('subject') ?? '';
  if (system === '' || code === '' || (subject === '') !== (query.get('subject:missing') === 'true')) {
    throw outcomeError('required', 'A search takes code=system|code, and subject or subject:missing=true.', {
      status: 400,
    });
  }
  about.key = { system, code, subject };
  access.check('s', about.key);
  const found = await findStates(session, about.key);
  about.ids = found.map(({ id }) => id);
  const entry: JsonValue[] = found.map((state) => ({
    fullUrl: `${base}/Basic/${state.id}`,
    resource: basicOf(state),
    search: { mode: 'match' },
  }));
  const bundle = { resourceType: 'Bundle', type: 'searchset', total: found.length };
  answer(ctx, 200, { ...bundle, ...(entry.length > 0 && { entry }) });
}

async function update(visit: Visit): Promise<void> {
  const { ctx, laboratory, session, access, id, about } = visit;
  about.ids = [shownId(id)];
  const sent = readBasic(await bodyOf(ctx));
  if (sent.id !== id) throw outcomeError('invalid', 'Basic.id is the one of the address.', { status: 400 });
  const known = await existing(session, ctx, id);
  about.key = known;
  access.check('u', known);
  const same = known.system === sent.key.system && known.code === sent.key.code && known.subject === sent.key.subject;
  if (!same) throw precondition('Basic.code and Basic.subject never change.');
  const { storage, tenant } = laboratory;
  const more = Buffer.byteLength(sent.content) - Buffer.byteLength(known.content);
  if (more > 0) await storage.check(tenant, more);
  const changed = await changing(visit, (inside) => changeState(inside, known, sent.content));
  if (changed === undefined) throw precondition('The state was changed meanwhile.');
  storage.changed(tenant, more);
  answerState(ctx, 200, changed);
}

async function remove(visit: Visit): Promise<void> {
  const { ctx, laboratory, session, access, id, about } = visit;
  about.ids = [shownId(id)];
  const known = await existing(session, ctx, id);
  about.key = known;
  access.check('d', known);
  const removed = await changing(visit, async (inside) => ((await deleteState(inside, known)) ? known : undefined));
  if (removed === undefined) throw precondition('The state was changed meanwhile.');
  laboratory.storage.changed(laboratory.tenant, -Buffer.byteLength(known.content));
  ctx.status = 204;
}

/** An address may hold anything. */
function shownId(id: string): string {
  return /^[0-9a-f-]{1,64}$/.test(id) ? id : '';
}

/** What If-Match names. @throws OutcomeError 412 where it is another version or gone. */
async function existing(session: Session, ctx: Context, id: string): Promise<AppState> {
  const version = /^(?:W\/)?"(\d{1,9})"$/.exec(ctx.get('if-match'))?.[1];
  if (version === undefined) throw precondition('If-Match must name the version: W/"1".');
  const known = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? await readState(session, id) : undefined;
  if (known?.version !== Number(version)) throw precondition('There is no such state in this version.');
  return known;
}

function precondition(sentence: string): Error {
  return outcomeError('conflict', sentence, { status: 412 });
}

function nothing(method: string): Error {
  return outcomeError(
    'not-found',
    `There is nothing here for ${method.slice(0, 10)}: app state is at /app-state/Basic.`,
  );
}

/** @throws OutcomeError `too-long` */
async function bodyOf(ctx: Context): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes)
      throw outcomeError('too-long', `App state has at most ${mostBytes} bytes.`, { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answerState(ctx: Context, status: number, state: AppState): void {
  ctx.set('etag', `W/"${state.version}"`);
  answer(ctx, status, basicOf(state));
}

function answer(ctx: Context, status: number, resource: JsonObject): void {
  ctx.status = status;
  ctx.type = 'application/fhir+json; charset=utf-8';
  ctx.body = serializeJson(resource);
}
