/**
 * Which state an app may touch.
 *
 * 1. Codes whose system is an origin of the app: one that it is registered to be sent back to, or launched at.
 * 2. About the patient in context with a patient/Basic scope, about the person with a user/Basic scope; what is about
 *    nobody is read with a user/Basic scope, and written with manage/settings besides.
 * 3. Roles do not count: this is the app's own memory, not the laboratory's data.
 */
import type { Agent } from '../../audit/record.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { findClient } from '../../store/clients.ts';
import type { StateKey } from '../../store/app-state.ts';
import type { Session } from '../../store/pool.ts';
import { readAccess } from '../../store/token-access.ts';
import type { GrantContext } from '../grant-context.ts';
import type { Laboratory } from '../laboratory.ts';
import { grantable, resourceScope } from '../scopes.ts';

export interface AppAccess {
  readonly clientId: string;
  /** Who asks, for the record. */
  readonly agent: Partial<Agent>;
  /** @throws OutcomeError `forbidden` */
  check(permission: 'c' | 'r' | 'u' | 'd' | 's', key: StateKey): void;
}

/** @throws OutcomeError `login` where the token is not good. */
export async function appAccess(laboratory: Laboratory, session: Session, header: string): Promise<AppAccess> {
  const { identity, tenant, fhirBase } = laboratory;
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1] ?? '';
  const row = await readAccess(identity.database, tenant.id, token);
  if (row?.audience !== fhirBase) throw unknownToken(tenant.name);
  const client = await findClient(session, row.clientId);
  const origins = originsOf([...(client?.metadata.redirectUris ?? []), client?.metadata.launchUri ?? '']);
  const words = grantable(row.scope, row.clientScopes);
  const context = row.context === undefined ? undefined : (JSON.parse(row.context) as GrantContext);
  const subjects: Readonly<Record<string, string | undefined>> = {
    patient: context?.launch.patient === undefined ? undefined : `${fhirBase}/Patient/${context.launch.patient}`,
    user: row.fhirUser === undefined ? undefined : `${fhirBase}/${row.fhirUser}`,
  };
  return {
    clientId: row.clientId,
    agent: {
      subject: row.accountId ?? row.clientId,
      client: row.clientId,
      ...(row.fhirUser !== undefined && { fhirUser: row.fhirUser }),
    },
    check: (permission, { system, code, subject }) => {
      if (!origins.has(originOf(system)))
        throw refused(`The code system ${system.slice(0, 100)} is not this app's own.`);
      const given = words.map(resourceScope).some((scope) => {
        if (scope === undefined || (scope.type !== 'Basic' && scope.type !== '*')) return false;
        if (!scope.permissions.includes(permission)) return false;
        if (scope.filter !== undefined && scope.filter !== `code=${system}|${code}`) return false;
        return subject === '' ? scope.context === 'user' : subjects[scope.context] === subject;
      });
      if (!given)
        throw refused(
          `That needs a scope such as ${subject.includes('/Patient/') ? 'patient' : 'user'}/Basic.${permission}.`,
        );
      if (subject === '' && /[cud]/.test(permission) && !words.includes('manage/settings')) {
        throw refused('State about nobody is written with the scope manage/settings.');
      }
    },
  };
}

function originsOf(uris: readonly string[]): Set<string> {
  return new Set(uris.map(originOf).filter((origin) => origin !== ''));
}

function originOf(uri: string): string {
  if (!URL.canParse(uri)) return '';
  const { origin } = new URL(uri);
  return origin === 'null' ? '' : origin;
}

function refused(sentence: string): Error {
  return outcomeError('forbidden', `Your scopes do not allow this state: ${sentence}`);
}

function unknownToken(realm: string): Error {
  return outcomeError('login', 'This needs an access token of an app.', {
    status: 401,
    headers: { 'www-authenticate': `Bearer realm="${realm}", error="invalid_token"` },
  });
}
