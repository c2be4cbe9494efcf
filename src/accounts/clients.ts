/** Registering the applications of a laboratory: what an administrator or the operator does, checked and stored. */
import { randomBytes } from 'node:crypto';
import { checkClient, clientKinds, type ClientKind, type ClientMetadata } from '../access/clients.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { addClient, changeSecret, findClient, newSecret, revokeClient, type Client } from '../store/clients.ts';
import type { Session } from '../store/pool.ts';
import type { Administration, Changed } from './administration.ts';

export interface Registration {
  /** Default: one that nobody can guess. */
  readonly id?: string | undefined;
  readonly kind: string;
  readonly name: string;
  readonly scopes?: string | undefined;
  readonly metadata: ClientMetadata;
}

/** What a person's application may ask for unless its registration says less. */
const usualScopes =
  'openid fhirUser profile launch launch/patient launch/encounter online_access offline_access patient/*.cruds user/*.cruds';

/** The secret is given here and never again. */
export interface Registered {
  readonly client: Client;
  readonly secret?: string;
}

/** @throws OutcomeError `invalid` that names what is wrong, `duplicate`. */
export async function registerClient(
  { transaction, by }: Administration,
  registration: Registration,
): Promise<Registered> {
  const kind = kindOf(registration.kind);
  const { id = `${kind}-${randomBytes(9).toString('base64url')}`, name, metadata } = registration;
  const usual = kind === 'launcher' ? 'manage/launches' : kind === 'backend' ? '' : usualScopes;
  const scopes = (registration.scopes ?? usual).split(/\s+/).filter(Boolean).join(' ');
  checkClient({ id, kind, name, scopes, metadata });
  const secret = needsSecret(kind, metadata) ? newSecret() : undefined;
  const added = { id, kind, name, scopes, metadata, createdBy: by, secretHash: secret?.hash };
  const client = await transaction((session) => addClient(session, added), ofClient);
  return { client, ...(secret && { secret: secret.secret }) };
}

function ofClient({ id }: Pick<Client, 'id'>): Changed {
  return { kind: 'client', id };
}

function kindOf(written: string): ClientKind {
  const kind = clientKinds.find((known) => known === written);
  if (kind !== undefined) return kind;
  throw outcomeError('invalid', `"${written.slice(0, 40)}" is no kind of client; there are ${clientKinds.join(', ')}.`);
}

/** An EMR has keys or a secret. */
function needsSecret(kind: ClientKind, { jwks, jwksUri }: ClientMetadata): boolean {
  return kind === 'confidential' || (kind === 'launcher' && jwks === undefined && jwksUri === undefined);
}

/** A new secret; the old one is no longer good. @throws OutcomeError `not-found`, `invalid`. */
export async function rotateSecret({ transaction }: Administration, id: string): Promise<Registered> {
  const made = newSecret();
  const change = async (session: Session): Promise<Client> =>
    (await changeSecret(session, id, made.hash)) ?? refuse(await findClient(session, id), id);
  return { client: await transaction(change, ofClient), secret: made.secret };
}

function refuse(known: Client | undefined, id: string): never {
  if (known === undefined) throw noClient(id);
  const why = known.status === 'revoked' ? 'is revoked' : 'has no secret';
  throw outcomeError('invalid', `The client ${known.id} ${why}.`);
}

/** Its access ends within seconds, tokens already issued included. @throws OutcomeError `not-found`. */
export async function revokeRegistration({ transaction }: Administration, id: string): Promise<Client> {
  return transaction(async (session) => (await revokeClient(session, id)) ?? refuse(undefined, id), ofClient);
}

function noClient(id: string): Error {
  return outcomeError('not-found', `There is no client "${id.slice(0, 128)}".`);
}
