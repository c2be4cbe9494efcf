/**
 * `makhbar user …`: the users of a laboratory, for the person who runs the machine; the first administrator is made here.
 *
 * There is no mailer: links are printed, and whoever reads them hands them over.
 */
import { accessReview, type Reviewed } from '../accounts/access-review.ts';
import { allRoles, type Administration } from '../accounts/administration.ts';
import { ticketLink } from '../accounts/link.ts';
import { addUser, disableUser, enableUser, resetUser, setUser, type Handed } from '../accounts/users.ts';
import type { Config } from '../config.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { shownUrl } from '../start/address.ts';
import { sessionOf, type Account } from '../store/accounts.ts';
import type { Database } from '../store/pool.ts';
import { findTenant, type Tenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { administrationBy, type Noted } from './note.ts';

export interface AddOptions extends Output {
  role?: string[];
  display?: string;
  email?: string;
  fhirUser?: string;
}

export async function addUserCommand(tenant: string, username: string, options: AddOptions): Promise<void> {
  const { role: roles = [], display, email, fhirUser } = options;
  const [handed, link] = await administering(tenant, 'makhbar user add', (administration, config) =>
    addUser(administration, { username, roles, display, email, fhirUser }).then((made) =>
      withLink(config, tenant, made),
    ),
  );
  print(options, linkForMachines(handed, link), invitationText(handed, link));
}

/** A new link for somebody who has lost the first; a user who has signed in before gets one for a new password. */
export async function inviteUserCommand(tenant: string, username: string, options: Output): Promise<void> {
  await resetUserCommand(tenant, username, { ...options, factors: false });
}

export async function resetUserCommand(
  tenant: string,
  username: string,
  options: Output & { factors?: boolean },
): Promise<void> {
  const [handed, link] = await administering(tenant, 'makhbar user reset', (administration, config) =>
    resetUser(administration, username, { factors: options.factors === true }).then((made) =>
      withLink(config, tenant, made),
    ),
  );
  print(options, linkForMachines(handed, link), invitationText(handed, link));
}

export async function disableUserCommand(tenant: string, username: string, options: Output): Promise<void> {
  const account = await administering(tenant, 'makhbar user disable', (administration) =>
    disableUser(administration, username),
  );
  print(options, account, `${account.username} is disabled; every session and token ends within seconds.`);
}

export async function enableUserCommand(tenant: string, username: string, options: Output): Promise<void> {
  const account = await administering(tenant, 'makhbar user enable', (administration) =>
    enableUser(administration, username),
  );
  print(options, account, `${account.username} is ${account.status}.`);
}

export async function listUsersCommand(tenant: string, options: Output): Promise<void> {
  const reviewed = await within(tenant, (database, { id }) => accessReview(sessionOf(database, id)));
  const users = reviewed.map(({ account, roles, factors }) => ({ ...account, roles, factors }));
  print(options, users, reviewed.length === 0 ? 'There is no user yet.' : table(reviewed));
}

/** Without roles shows those that there are, with a username those of the user; with roles sets them. */
export async function userRolesCommand(
  tenant: string,
  username: string | undefined,
  roles: string[],
  options: Output,
): Promise<void> {
  if (username === undefined) return listRoles(tenant, options);
  if (roles.length > 0) {
    await administering(tenant, 'makhbar user roles', (administration) =>
      setUser(administration, username, { roles: namesOf(roles) }),
    );
  }
  const reviewed = await within(tenant, (database, { id }) => accessReview(sessionOf(database, id)));
  const user = reviewed.find(({ account }) => account.username === username.toLowerCase());
  if (user === undefined) throw outcomeError('not-found', `There is no user "${username.slice(0, 100)}".`);
  const lines = user.roles.map(({ role, since, grantedBy }) => `${role}  since ${since}, given by ${grantedBy}`);
  print(options, user.roles, lines.length === 0 ? `${username} has no role.` : lines.join('\n'));
}

/** `none` takes all away. */
function namesOf(roles: string[]): string[] {
  return roles.length === 1 && roles[0] === 'none' ? [] : roles;
}

async function listRoles(tenant: string, options: Output): Promise<void> {
  const roles = await within(tenant, (database, { id }) => allRoles(sessionOf(database, id)));
  const width = Math.max(...roles.map(({ name }) => name.length));
  print(options, roles, roles.map(({ name, title }) => `${name.padEnd(width)}  ${title}`).join('\n'));
}

function administering<T>(
  name: string,
  deed: Noted['deed'],
  work: (administration: Administration, config: Config) => Promise<T>,
): Promise<T> {
  return within(name, (database, tenant, config) =>
    work(administrationBy(database, tenant, { kind: 'user-changed', deed }), config),
  );
}

function within<T>(name: string, work: (database: Database, tenant: Tenant, config: Config) => Promise<T>): Promise<T> {
  return withDatabase(async (database, config) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    return work(database, tenant, config);
  });
}

function withLink(config: Config, tenant: string, handed: Handed): [Handed, string] {
  return [handed, ticketLink(`${shownUrl(config, config.host, config.port)}/${tenant}`, handed)];
}

function linkForMachines({ account, kind, expires }: Handed, link: string): unknown {
  return { ...account, kind, link, expires };
}

function invitationText({ account, kind, expires }: Handed, link: string): string {
  const what = kind === 'invitation' ? 'an invitation' : 'a link for a new password';
  return `${account.username}: ${what}, good once and until ${expires}. Hand it over safely:\n${link}`;
}

function table(reviewed: readonly Reviewed[]): string {
  const width = (text: (account: Account) => string): number =>
    Math.max(...reviewed.map(({ account }) => text(account).length));
  const name = width(({ username }) => username);
  return reviewed
    .map(({ account, roles }) =>
      [account.username.padEnd(name), account.status.padEnd(8), roles.map(({ role }) => role).join(', ') || '-'].join(
        '  ',
      ),
    )
    .join('\n');
}
