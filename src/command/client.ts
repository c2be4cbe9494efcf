/** `makhbar client add|list|revoke|secret`: the applications of a laboratory, for the person who runs the machine. */
import { readFileSync } from 'node:fs';
import type { Administration } from '../accounts/administration.ts';
import type { ClientMetadata } from '../access/clients.ts';
import { registerClient, revokeRegistration, rotateSecret, type Registered } from '../accounts/clients.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sessionOf } from '../store/accounts.ts';
import { listClients, type Client } from '../store/clients.ts';
import type { Database } from '../store/pool.ts';
import { findTenant, type Tenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { administrationBy, type Noted } from './note.ts';

export interface AddOptions extends Output {
  kind: string;
  name: string;
  id?: string;
  scope?: string;
  redirect?: string[];
  postLogout?: string[];
  jwks?: string;
  jwksUri?: string;
  launch?: string;
  logo?: string;
  native?: boolean;
  trusted?: boolean;
  withoutConsent?: boolean;
}

export async function addClientCommand(tenant: string, options: AddOptions): Promise<void> {
  const { kind, name, id, scope: scopes } = options;
  const metadata = metadataOf(options);
  const registered = await administering(tenant, 'makhbar client add', (administration) =>
    registerClient(administration, { kind, name, id, scopes, metadata }),
  );
  print(options, forMachines(registered), text(registered));
}

function metadataOf(options: AddOptions): ClientMetadata {
  const { redirect, postLogout, jwks, jwksUri, launch, logo } = options;
  return {
    ...(redirect !== undefined && { redirectUris: redirect }),
    ...(postLogout !== undefined && { postLogoutRedirectUris: postLogout }),
    ...(jwks !== undefined && { jwks: readKeys(jwks) }),
    ...(jwksUri !== undefined && { jwksUri }),
    ...(launch !== undefined && { launchUri: launch }),
    ...(logo !== undefined && { logoUri: logo }),
    ...(options.native === true && { native: true }),
    ...(options.trusted === true && { trusted: true }),
    ...(options.withoutConsent === true && { consent: 'exempt' as const }),
  };
}

/** The file holds a JSON Web Key Set. */
function readKeys(path: string): { keys: object[] } {
  try {
    const { keys } = JSON.parse(readFileSync(path, 'utf8')) as { keys: unknown };
    if (Array.isArray(keys)) return { keys: keys as object[] };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'no JSON';
    throw outcomeError('invalid', `The key set ${path} cannot be read (${reason}).`);
  }
  throw outcomeError('invalid', `The file ${path} is no key set: {"keys": [ … ]}.`);
}

export async function listClientsCommand(tenant: string, options: Output): Promise<void> {
  const clients = await within(tenant, (database, { id }) => listClients(sessionOf(database, id)));
  print(options, clients.map(withoutSecret), clients.length === 0 ? 'There is no client yet.' : table(clients));
}

export async function revokeClientCommand(tenant: string, id: string, options: Output): Promise<void> {
  const client = await administering(tenant, 'makhbar client revoke', (administration) =>
    revokeRegistration(administration, id),
  );
  print(options, withoutSecret(client), `${client.id} is revoked; its tokens end within seconds.`);
}

export async function clientSecretCommand(tenant: string, id: string, options: Output): Promise<void> {
  const registered = await administering(tenant, 'makhbar client secret', (administration) =>
    rotateSecret(administration, id),
  );
  print(options, forMachines(registered), text(registered));
}

function administering<T>(
  name: string,
  deed: Noted['deed'],
  work: (administration: Administration) => Promise<T>,
): Promise<T> {
  return within(name, (database, tenant) => work(administrationBy(database, tenant, { kind: 'client-changed', deed })));
}

function within<T>(name: string, work: (database: Database, tenant: Tenant) => Promise<T>): Promise<T> {
  return withDatabase(async (database) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    return work(database, tenant);
  });
}

function withoutSecret({ id, kind, name, scopes, metadata, status, created, createdBy }: Client): object {
  return { id, kind, name, scopes, metadata, status, created, createdBy };
}

function forMachines({ client, secret }: Registered): object {
  return { ...withoutSecret(client), ...(secret !== undefined && { secret }) };
}

function text({ client, secret }: Registered): string {
  const lines = [`client id  ${client.id}`, `kind       ${client.kind}`, `scopes     ${client.scopes}`];
  if (secret !== undefined) lines.push(`secret     ${secret}    (shown once)`);
  return lines.join('\n');
}

function table(clients: readonly Client[]): string {
  const width = Math.max(...clients.map(({ id }) => id.length));
  return clients
    .map(({ id, kind, status, name }) => `${id.padEnd(width)}  ${kind.padEnd(12)}  ${status.padEnd(7)}  ${name}`)
    .join('\n');
}
