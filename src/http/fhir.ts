/**
 * One FHIR request over HTTP, step by step: address → tenant → authenticate → rate → negotiate → serve → respond.
 *
 * These steps stand on Node's own http module: Express's routing costs more than the database on a read by id
 * (README, decisions), and there is one route here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { nobody } from '../access/caller.ts';
import { isResourceType } from '../fhir/definitions.ts';
import { OutcomeError, outcomeError, statusOf } from '../fhir/outcome.ts';
import { networkOf } from '../access/network.ts';
import { limitsOf } from '../access/plans.ts';
import { failureAnswer } from '../interactions/failure.ts';
import type { Refusals } from '../interactions/refusals.ts';
import { withPurpose } from '../interactions/purpose-of-use.ts';
import { newTrail, untracked } from '../interactions/trail.ts';
import type { Answer, Body, Caller, Context, Method, Parameters, Request, Server } from '../request.ts';
import { door, refused, serve } from '../serve.ts';
import type { Session } from '../store/pool.ts';
import type { TenantCache } from '../store/tenant-cache.ts';
import type { Tenant } from '../store/tenants.ts';
import { callerAddress, type Address } from './address.ts';
import { bodyOf } from './body.ts';
import { rememberForm, type Form } from './form.ts';
import { negotiate, type Negotiated } from './negotiate.ts';
import { meter, type Known } from './metering.ts';
import type { RateLimiter } from './rate-limit.ts';
import { checkLimit, isCheckOperation } from './report-check.ts';
import { respond } from './respond.ts';

export interface FhirSteps {
  readonly server: Server;
  readonly tenants: TenantCache;
  readonly limiter: RateLimiter;
  readonly refusals: Refusals;
  /** Whether an address is that of a proxy of ours. */
  readonly trusted: (address: string) => boolean;
  /** @throws OutcomeError `login` (401) for a token that is not good for this tenant. */
  readonly authenticate: (tenant: Tenant, issuer: string, token: string) => Promise<Caller>;
  readonly observe: (seen: Observed) => void;
}

/** What the log and the metrics learn of a request: no id, no parameter, no content, and no name that we do not know. */
export interface Observed {
  readonly method: string;
  readonly status: number;
  readonly tenant: string;
  readonly type: string;
  readonly milliseconds: number;
  readonly requestId: string;
}

const reports = ['csv', 'text/csv', 'html', 'text/html'];

/** Operations whose answer can be no FHIR resource when that is asked for. */
const furtherFormats: Readonly<Record<string, readonly string[]>> = {
  '$access-review': ['text/csv'],
  '$access-report': reports,
  $report: ['application/pdf', 'text/html'],
  '$check-report': ['text/html'],
  '$user-activity-report': reports,
  '$laboratory-statistics': ['csv', 'text/csv'],
  '$breach-report': [...reports, 'ndjson', 'application/ndjson', 'application/fhir+ndjson'],
};

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Answers a request whose address names a laboratory's FHIR base; `address.segments` begins with `fhir`. */
export async function handleFhir(
  steps: FhirSteps,
  exchange: { request: IncomingMessage; response: ServerResponse; address: Address; requestId: string },
): Promise<void> {
  const { request, response, address, requestId } = exchange;
  const started = performance.now();
  const segments = address.segments.slice(1);
  let wanted: Negotiated = { format: 'json', pretty: false, explicit: false };
  let answer: Answer;
  let form: Form | undefined;
  let known: Known | undefined;
  try {
    const mayBeForm = isSearchByPost(request, segments);
    const head = readHead(request, address, mayBeForm);
    wanted = head.wanted ?? wanted;
    form = head.form;
    const sent = (): string => sentBy(request, form);
    const { body, problem } = head;
    const asked: Asked = { request, address, segments, requestId, body: form?.body ?? body, sent, problem };
    known = await knownCaller(steps, asked);
    answer = await answerRequest(steps, asked, known);
    if (mayBeForm) wanted = negotiate([...address.query, ...(form?.parameters() ?? [])], request.headers.accept);
  } catch (error) {
    wanted = fallbackFormat(request, form === undefined ? wanted : formFormat(form, address.query, wanted));
    answer = failureAnswer(error, requestId, steps.server.log);
  }
  try {
    await respond(request, response, answer, wanted);
  } catch (error) {
    steps.server.log.warn({ requestId, err: error }, 'response broken off');
    response.destroy();
  }
  meter(steps.server.usage, request, { known, status: answer.status, segments });
  steps.observe({
    method: request.method ?? '',
    status: answer.status,
    tenant: (await steps.tenants.find(address.tenant).catch(() => undefined))?.name ?? '',
    type: isResourceType(segments[0] ?? '') ? (segments[0] ?? '') : '',
    milliseconds: performance.now() - started,
    requestId,
  });
}

interface Head {
  readonly wanted?: Negotiated;
  readonly body: Body | undefined;
  readonly form: Form | undefined;
  /** What is wrong with it, told once it is known who asks. */
  readonly problem: unknown;
}

/** What the headers say of the answer and the body. */
function readHead(request: IncomingMessage, { query, segments }: Address, mayBeForm: boolean): Head {
  const [, first = '', ...rest] = segments;
  let wanted: Negotiated | undefined;
  try {
    if (!methods.has(request.method ?? '')) {
      throw outcomeError('not-supported', `The method ${request.method} is not supported.`, { status: 405 });
    }
    // What a form says goes before Accept, so nothing is refused for Accept before the form was read.
    const anyType = mayBeForm || isBinaryRead(request, [first, ...rest]) || first === '.well-known';
    wanted = negotiate(query, request.headers.accept, anyType, furtherFormats[segments.at(-1) ?? '']);
    const body = bodyOf(request);
    return { wanted, body, form: mayBeForm && body !== undefined ? rememberForm(body) : undefined, problem: undefined };
  } catch (problem) {
    return { ...(wanted && { wanted }), body: undefined, form: undefined, problem };
  }
}

interface Asked {
  readonly problem: unknown;
  readonly request: IncomingMessage;
  readonly address: Address;
  readonly segments: readonly string[];
  readonly requestId: string;
  readonly body: Body | undefined;
  readonly sent: () => string;
}

/** The query of the URL and the form, as they came. */
function sentBy({ url = '' }: IncomingMessage, form: Form | undefined): string {
  const at = url.indexOf('?');
  return [at < 0 ? '' : url.slice(at + 1), form?.text() ?? ''].filter((part) => part !== '').join('&');
}

/** Who asks, and where. @throws OutcomeError where that is nobody or nowhere. */
async function knownCaller(steps: FhirSteps, asked: Asked): Promise<Known> {
  const { request, address, segments } = asked;
  const tenant = await findTenant(steps, address.tenant);
  const stranger = { tenant, caller: nobody };
  await refusing(steps, asked, stranger, () => refuseSuspended(tenant));
  if (isOpen(request.method as Method, segments)) return stranger;
  try {
    return { tenant, caller: await callerOf(steps, tenant, address, request) };
  } catch (error) {
    await refusing(steps, asked, stranger, () => limitRate(steps, stranger, asked));
    await auditRefusal(steps, asked, stranger, error);
    throw error;
  }
}

/** What is refused before the door; what failed otherwise is none of the caller's doing. */
async function auditRefusal(steps: FhirSteps, asked: Asked, known: Known, error: unknown): Promise<void> {
  if (!(error instanceof OutcomeError) || statusOf(error) >= 500) return;
  const context = contextOf(steps, asked, known);
  const { caller, address } = context;
  const status = statusOf(error);
  if (caller === nobody || status === 429) {
    const reason = `${status} ${error.issues[0]?.code ?? ''}`;
    if (!steps.refusals.isTold({ tenant: known.tenant, caller, address, reason })) return;
  }
  await refused(context, callOf(asked), error);
}

/** The operations on overrides need none, whatever the purpose. */
function purposed(steps: FhirSteps, asked: Asked, { tenant, caller }: Known): Caller | Promise<Caller> {
  if (caller === nobody || asked.segments.some((segment) => segment.startsWith('$break-glass'))) return caller;
  const header = asked.request.headers['x-purpose-of-use'];
  return withPurpose(caller, header === undefined ? undefined : String(header), sessionOf(steps, tenant));
}

function sessionOf({ server }: FhirSteps, tenant: Tenant): Session {
  return { tenant: tenant.id, query: (statement) => server.database.query(tenant.id, statement) };
}

async function answerRequest(steps: FhirSteps, asked: Asked, known: Known): Promise<Answer> {
  const caller = await refusing(steps, asked, known, () => {
    limitRate(steps, known, asked);
    if (asked.problem !== undefined) throw asked.problem;
    return purposed(steps, asked, known);
  });
  return serve(contextOf(steps, asked, { ...known, caller }), callOf(asked));
}

/** A step before the door; what it refuses has its event. */
async function refusing<T>(steps: FhirSteps, asked: Asked, known: Known, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    await auditRefusal(steps, asked, known, error);
    throw error;
  }
}

function contextOf(steps: FhirSteps, { request, address, requestId }: Asked, { tenant, caller }: Known): Context {
  return {
    server: steps.server,
    tenant,
    caller,
    base: `${address.root}/fhir`,
    requestId,
    address: shownAddress(callerAddress(request, steps.trusted)),
    trail: newTrail(untracked),
    session: sessionOf(steps, tenant),
    inTransaction: false,
    door,
  };
}

/** A proxy may name its caller as it likes; an address has no other characters. */
function shownAddress(address: string): string {
  return /^[0-9A-Za-z.:%[\]_-]{1,64}$/.test(address) ? address.replace(/^::ffff:/, '') : '';
}

function callOf({ request, address, segments, body, sent }: Asked): Request {
  return {
    method: request.method as Method,
    segments,
    query: address.query,
    sent,
    headers: request.headers as Record<string, string | undefined>,
    body,
  };
}

function isBinaryRead({ method }: IncomingMessage, [type, id]: readonly string[]): boolean {
  return type === 'Binary' && id !== undefined && (method === 'GET' || method === 'HEAD');
}

function isSearchByPost({ method }: IncomingMessage, segments: readonly string[]): boolean {
  return method === 'POST' && segments.at(-1) === '_search';
}

const openDocuments: ReadonlySet<string> = new Set(['smart-configuration', 'user-access-brands']);

/** Open without a token: what a client must know before it can get one. */
function isOpen(method: Method, segments: readonly string[]): boolean {
  const [first = '', second = ''] = segments;
  if (method === 'OPTIONS') {
    return true;
  }
  return (
    (method === 'GET' || method === 'HEAD') &&
    (first === 'metadata' || (first === '.well-known' && openDocuments.has(second)) || isCheckOperation(segments))
  );
}

/** What cannot be a name is not even looked up, nor remembered as unknown. */
const tenantName = /^[a-z][a-z0-9-]{0,62}$/;

async function findTenant(steps: FhirSteps, name: string): Promise<Tenant> {
  const tenant = tenantName.test(name) ? await steps.tenants.find(name) : undefined;
  if (tenant === undefined) {
    throw outcomeError('not-found', `There is no laboratory "${name.slice(0, 63)}" on this server.`);
  }
  return tenant;
}

function refuseSuspended(tenant: Tenant): void {
  if (tenant.status === 'suspended') {
    throw outcomeError('suppressed', `The laboratory "${tenant.name}" is suspended; its operator can tell why.`);
  }
}

async function callerOf(steps: FhirSteps, tenant: Tenant, address: Address, request: IncomingMessage): Promise<Caller> {
  const token = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) {
    throw outcomeError('login', 'This needs an access token: send it as Authorization: Bearer ….', {
      headers: { 'www-authenticate': `Bearer realm="${tenant.name}"` },
    });
  }
  return steps.authenticate(tenant, address.root, token);
}

function limitRate(
  steps: FhirSteps,
  { tenant, caller }: Known,
  { request, segments }: Pick<Asked, 'request' | 'segments'>,
): void {
  const { rateLimit, totalRateLimit } = limitsOf(tenant.settings, steps.server.config.rateLimit);
  const who =
    caller.client === '' ? networkOf(callerAddress(request, steps.trusted)) : `${caller.client}\n${caller.subject}`;
  steps.limiter.count(`${tenant.id}\n${who}`, rateLimit);
  if (isCheckOperation(segments)) steps.limiter.count(`${tenant.id}\ncheck\n${who}`, checkLimit);
  if (caller.client !== '') steps.limiter.count(`${tenant.id}`, totalRateLimit, ' of all callers of this laboratory');
}

/** Where the error is that no accepted format can be given, JSON says so; otherwise the caller's format. */
function fallbackFormat(request: IncomingMessage, wanted: Negotiated): Negotiated {
  return wanted.explicit || !/xml/.test(request.headers.accept ?? '') ? wanted : { ...wanted, format: 'xml' };
}

/** A search that was refused is answered as its form asks, where that can be given. */
function formFormat(form: Form, query: Parameters, wanted: Negotiated): Negotiated {
  const asked = [...query, ...form.parameters()];
  if (!asked.some(([name]) => name === '_format')) return wanted;
  try {
    return negotiate(asked, undefined);
  } catch {
    return wanted;
  }
}
