/** /account: the applications that act in one's name, one's sessions and second factors; and ending them. */
import { accountPage, type AccountData, type AppAccess, type SessionOfMine } from '../../pages/account.ts';
import { sessionOf as statements } from '../../store/accounts.ts';
import { accessOfAccount, endSession, revokeGrant, type Access } from '../../store/oidc.ts';
import { demandsSecondFactor } from '../../access/second-factor.ts';
import { rolesOfAccount } from '../accounts.ts';
import { agentOf, telling } from '../audit-deeds.ts';
import type { LastDeed } from '../identity.ts';
import { factorsOf } from '../factors.ts';
import type { GrantContext } from '../grant-context.ts';
import { sendPage } from '../pages/frame.ts';
import { chooser, patientsOf } from '../sign-in/choose.ts';
import { goTo, type SignedInVisit } from './visit.ts';

export async function overview(visit: SignedInVisit): Promise<void> {
  const { laboratory, account, frame, csrf, texts, ctx } = visit;
  const { identity, tenant } = laboratory;
  const access = await accessOfAccount(statements(identity.database, tenant.id), account.id);
  const { factors, recoveryCodes } = await factorsOf(identity, tenant, account.id);
  const roles = await rolesOfAccount(identity, tenant, account.id);
  const page = accountPage(texts, {
    ...frame,
    csrf,
    username: account.username,
    apps: await appsOf(visit, access),
    sessions: access.filter(({ kind }) => kind === 'Session').map((one) => sessionOfMine(visit, one)),
    factors: factors.map(({ id, kind, label, created, lastUsed }) => ({
      id,
      kind,
      name: label,
      since: new Date(created),
      used: lastUsed === undefined ? undefined : new Date(lastUsed),
    })),
    recoveryCodes,
    factorNeeded: roles.some((role) => demandsSecondFactor(role, tenant.settings.secondFactorRoles)),
    done: doneOf(visit),
  });
  sendPage(ctx, page);
}

function doneOf({ ctx, texts }: SignedInVisit): AccountData['done'] {
  const done = ctx.query['done'];
  return typeof done === 'string' && Object.hasOwn(texts.account.done, done)
    ? (done as NonNullable<AccountData['done']>)
    : undefined;
}

interface GrantPayload {
  readonly openid?: { readonly scope?: string };
  readonly resources?: Readonly<Record<string, string>>;
}

/** Names of patients are looked up for so many at most; of the others the id is shown. */
const mostNames = 50;

async function appsOf({ laboratory, account }: SignedInVisit, access: readonly Access[]): Promise<AppAccess[]> {
  const grants = access.filter(({ kind }) => kind === 'Grant');
  const ids = new Set(grants.map(patientIdOf).filter((id) => id !== undefined));
  const caller = await chooser(laboratory, account.id);
  const patients = await patientsOf({ laboratory }, caller, [...ids].slice(0, mostNames));
  return grants.map((grant) => {
    const id = patientIdOf(grant);
    const self = account.fhirUser === `Patient/${id}`;
    return appOf(grant, id === undefined ? undefined : { name: patients.get(id)?.name ?? id, self });
  });
}

function patientIdOf({ context }: Access): string | undefined {
  return context === undefined ? undefined : (JSON.parse(context) as Partial<GrantContext>).launch?.patient;
}

function appOf(access: Access, patient: AppAccess['patient']): AppAccess {
  const { openid, resources = {} } = JSON.parse(access.payload) as GrantPayload;
  const scopes = [openid?.scope, ...Object.values(resources)].flatMap((text) => text?.split(' ') ?? []);
  return {
    grant: access.id,
    name: access.clientName ?? access.clientId ?? '',
    since: new Date(access.created),
    scopes: [...new Set(scopes.filter(Boolean))],
    ...(patient !== undefined && { patient }),
  };
}

function sessionOfMine({ session }: SignedInVisit, { id, created, payload }: Access): SessionOfMine {
  const { loginTs } = JSON.parse(payload) as { loginTs?: number };
  const since = loginTs === undefined ? new Date(created) : new Date(loginTs * 1_000);
  return { id, since, current: id === session.uid };
}

export async function revokeApp(visit: SignedInVisit): Promise<void> {
  const { laboratory, account, form } = visit;
  const id = Buffer.from(form?.get('grant') ?? '', 'hex');
  const told = telling(visit, () => ({ kind: 'token-revoked', agent: agentOf(account) }));
  await laboratory.identity.database.transaction(laboratory.tenant.id, async (session) => {
    await revokeGrant(session, { id, accountId: account.id });
    await told(session);
  });
  goTo(visit, '', { done: 'app' });
}

function signedOut(visit: SignedInVisit): LastDeed {
  return telling(visit, () => ({ kind: 'sign-out', agent: agentOf(visit.account) }));
}

export async function endOne(visit: SignedInVisit): Promise<void> {
  const { laboratory, account, form } = visit;
  const uid = form?.get('session') ?? '';
  await laboratory.identity.database.transaction(laboratory.tenant.id, async (session) => {
    await endSession(session, uid, account.id);
    await signedOut(visit)(session);
  });
  goTo(visit, '', { done: 'session' });
}

export async function endOthers(visit: SignedInVisit): Promise<void> {
  const { laboratory, account, session: own } = visit;
  await laboratory.identity.database.transaction(laboratory.tenant.id, async (session) => {
    for (const { kind, id } of await accessOfAccount(session, account.id)) {
      if (kind === 'Session' && id !== own.uid) await endSession(session, id, account.id);
    }
    await signedOut(visit)(session);
  });
  goTo(visit, '', { done: 'sessions' });
}
