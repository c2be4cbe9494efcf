/**
 * $access-review: who has which role since when, given by whom, last used when; with the second factors and the last
 * sign-in of each user. For those who manage users, and for auditors: whoever may search every AuditEvent.
 *
 *   GET [base]/$access-review                     Parameters, `access` for each user and role
 *   GET [base]/$access-review?_format=text/csv    the same as a table, RFC 4180
 *
 * A user without a role stands there too, with none; and each application that acts for itself (backend), with the scopes
 * that it was registered for: whoever registers one could read by it.
 */
import { isUnconditional } from '../access/permits.ts';
import { grants } from '../access/scopes.ts';
import { accessReview, type Reviewed } from '../accounts/access-review.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Caller, Context } from '../request.ts';
import { listClients, type Client } from '../store/clients.ts';
import { csvCell } from './csv.ts';
import { operationInput } from './parameters.ts';

const columns = [
  'kind',
  'username',
  'display',
  'status',
  'fhirUser',
  'role',
  'since',
  'grantedBy',
  'lastUsed',
  'factors',
  'lastSignIn',
  'created',
  'scopes',
] as const;

type Line = Readonly<Record<(typeof columns)[number], string>>;

export async function accessReviewOperation(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  if (!mayReview(context.caller)) {
    const sentence =
      'Your scopes do not allow $access-review: that needs manage/users, or a scope such as user/AuditEvent.s.';
    throw outcomeError('forbidden', sentence);
  }
  const reviewed = await accessReview(context.session);
  const names = new Map(reviewed.map(({ account }) => [account.id, account.username]));
  const clients = (await listClients(context.session)).filter(({ kind }) => kind === 'backend');
  const lines = [
    ...reviewed.flatMap((one) => linesOf(one, names)),
    ...clients.map((client) => clientLine(client, names)),
  ];
  return wantsCsv(call) ? csvAnswer(lines) : { status: 200, resource: parametersOf(lines) };
}

/** All of AuditEvent, not the part that is about one person. */
function mayReview({ manages, permits }: Caller): boolean {
  return manages.includes('users') || grants(permits.filter(isUnconditional), 's', 'AuditEvent');
}

function linesOf({ account, roles, factors }: Reviewed, names: ReadonlyMap<string, string>): Line[] {
  const { username, display, status, fhirUser = '', created, lastSignIn = '' } = account;
  const person = { kind: 'user', username, display, status, fhirUser };
  const common = { ...person, factors: factors.join(' '), lastSignIn, created, scopes: '' };
  if (roles.length === 0) return [{ ...common, role: '', since: '', grantedBy: '', lastUsed: '' }];
  return roles.map(({ role, since, grantedBy, lastUsed = '' }) => ({
    ...common,
    role,
    since,
    grantedBy: names.get(grantedBy) ?? grantedBy,
    lastUsed,
  }));
}

function clientLine(client: Client, names: ReadonlyMap<string, string>): Line {
  const { id, name, status, created, createdBy, scopes } = client;
  const grantedBy = names.get(createdBy) ?? createdBy;
  const unknown = { fhirUser: '', role: '', lastUsed: '', factors: '', lastSignIn: '' };
  return {
    ...unknown,
    kind: 'client',
    username: id,
    display: name,
    status,
    since: created,
    grantedBy,
    created,
    scopes,
  };
}

function wantsCsv({ query, headers }: Call): boolean {
  const asked = query.find(([name]) => name === '_format')?.[1];
  return asked === undefined ? /\btext\/csv\b/.test(headers['accept'] ?? '') : asked === 'text/csv';
}

function csvAnswer(lines: readonly Line[]): Answer {
  const rows = [columns.join(','), ...lines.map((line) => columns.map((column) => csvCell(line[column])).join(','))];
  const body = Buffer.from(`${rows.join('\r\n')}\r\n`);
  return { status: 200, raw: { contentType: 'text/csv; charset=utf-8; header=present', length: body.length, body } };
}

const instants: ReadonlySet<string> = new Set(['since', 'lastUsed', 'lastSignIn', 'created']);

function parametersOf(lines: readonly Line[]): JsonObject {
  const parameter = lines.map((line) => ({
    name: 'access',
    part: columns
      .filter((column) => line[column] !== '')
      .map((column) => ({ name: column, [instants.has(column) ? 'valueInstant' : 'valueString']: line[column] })),
  }));
  return { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) };
}
