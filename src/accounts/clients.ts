/** Registering the applications of a laboratory: what an administrator or the operator does, checked and stored. */
import { randomBytes } from 'node:crypto';
import { checkClient } from '../access/clients.ts';
import { outcomeError } from '../fhir/outcome.ts';
import {
  addClient,
  changeSecret,
  clientKinds,
  findClient,
  newSecret,
  revokeClient,
  type Client,
  type ClientKind,
  type ClientMetadata,
} from '../store/clients.ts';
import type { Session } from '../store/pool.ts';

export interface Registration {
  /** Default: one that nobody can guess. */
  readonly id?: string | undefined;
  readonly kind: string;
  readonly name: string;
  readonly scopes?: string | undefined;
  readonly metadata: ClientMetadata;
  /** The account that registers it, or `operator`. */
  readonly by: string;
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
export async function registerClient(session: Session, registration: Registration): Promise<Registered> {
  const kind = kindOf(registration.kind);
  const { id = `${kind}-${randomBytes(9).toString('base64url')}`, name, metadata, by } = registration;
  const usual = kind === 'launcher' ? 'manage/launches' : kind === 'backend' ? '' : usualScopes;
  const scopes = (registration.scopes ?? usual).split(/\s+/).filter(Boolean).join(' ');
  checkClient({ id, kind, name, scopes, metadata });
  const secret = needsSecret(kind, metadata) ? newSecret() : undefined;
  const added = { id, kind, name, scopes, metadata, createdBy: by, secretHash: secret?.hash };
  const client = await addClient(session, added);
  return { client, ...(secret && { secret: secret.secret }) };
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
export async function rotateSecret(session: Session, id: string): Promise<Registered> {
  const made = newSecret();
  const client = await changeSecret(session, id, made.hash);
  if (client !== undefined) return { client, secret: made.secret };
  const known = await findClient(session, id);
  if (known === undefined) throw noClient(id);
  const why = known.status === 'revoked' ? 'is revoked' : 'has no secret';
  throw outcomeError('invalid', `The client ${known.id} ${why}.`);
}

/** Its access ends within seconds, tokens already issued included. @throws OutcomeError `not-found`. */
export async function revokeRegistration(session: Session, id: string): Promise<Client> {
  const client = await revokeClient(session, id);
  if (client === undefined) throw noClient(id);
  return client;
}

function noClient(id: string): Error {
  return outcomeError('not-found', `There is no client "${id.slice(0, 128)}".`);
}
