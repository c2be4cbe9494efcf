/**
 * Applications of the laboratory, for those who manage clients (manage/clients). All at system level.
 *
 *   GET  [base]/$client-list            id?                       200: client (0..*)
 *   POST [base]/$client-add             kind name id? scopes? redirectUri* postLogoutRedirectUri* jwks? jwksUri?
 *                                       launchUri? logoUri? native? trusted? idTokenAlgorithm?      200: client, secret?
 *   POST [base]/$client-revoke          id                        200: client
 *   POST [base]/$client-rotate-secret   id                        200: client, secret
 *
 * kind: public, confidential, asymmetric (act for people), backend (acts for itself), launcher (an EMR). jwks is the JSON
 * text of a key set. A secret is shown once, in this answer. Changes need a second factor of the last 15 minutes.
 *
 * An application that acts for itself on resources (scopes system/…) is registered by the operator: through one of his own
 * making an administrator, who reads no results, would read them all.
 */
import type { ClientMetadata } from '../access/clients.ts';
import { registerClient, revokeRegistration, rotateSecret, type Registered } from '../accounts/clients.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { findClient, listClients, type Client } from '../store/clients.ts';
import { administrationOf, optional, required, yesOrNo } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';

export async function clientList(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['id']);
  const id = optional(input, 'id');
  const one = id === undefined ? undefined : await findClient(context.session, id);
  const clients = id === undefined ? await listClients(context.session) : one === undefined ? [] : [one];
  return answer(clients.map(clientPart));
}

const ofAdd = [
  'kind',
  'name',
  'id',
  'scopes',
  'redirectUri',
  'postLogoutRedirectUri',
  'jwks',
  'jwksUri',
  'launchUri',
  'logoUri',
  'native',
  'trusted',
  'idTokenAlgorithm',
];

export async function clientAdd(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ofAdd);
  const administration = administrationOf(context);
  checkActsForItself(context, optional(input, 'scopes'));
  const registered = await registerClient(administration, {
    kind: required(input, 'kind'),
    name: required(input, 'name'),
    id: optional(input, 'id'),
    scopes: optional(input, 'scopes'),
    metadata: metadataOf(input),
  });
  return registeredAnswer(registered);
}

export async function clientRevoke(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['id']);
  const administration = administrationOf(context);
  return answer([clientPart(await revokeRegistration(administration, required(input, 'id')))]);
}

export async function clientRotateSecret(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['id']);
  const administration = administrationOf(context);
  const id = required(input, 'id');
  checkActsForItself(context, (await findClient(context.session, id))?.scopes);
  return registeredAnswer(await rotateSecret(administration, id));
}

/** @throws OutcomeError `forbidden` where a person would register what acts without one. */
function checkActsForItself({ caller }: Context, scopes = ''): void {
  const own = scopes.split(/\s+/).some((scope) => scope.startsWith('system/'));
  if (!own || caller.roles.length === 0) return;
  throw outcomeError(
    'forbidden',
    'An application with system/ scopes is registered by the operator, with makhbar client add: it reads what its administrator may not.',
  );
}

function metadataOf(input: Input): ClientMetadata {
  const text = (name: 'jwksUri' | 'launchUri' | 'logoUri') => {
    const value = optional(input, name);
    return value === undefined ? {} : { [name]: value };
  };
  const list = (name: 'redirectUris' | 'postLogoutRedirectUris', parameter: string) => {
    const values = input.texts(parameter);
    return values.length === 0 ? {} : { [name]: values };
  };
  const jwks = optional(input, 'jwks');
  const algorithm = optional(input, 'idTokenAlgorithm');
  if (algorithm !== undefined && algorithm !== 'RS256' && algorithm !== 'ES384') {
    throw outcomeError('invalid', 'idTokenAlgorithm is RS256 or ES384.', { status: 400 });
  }
  return {
    ...list('redirectUris', 'redirectUri'),
    ...list('postLogoutRedirectUris', 'postLogoutRedirectUri'),
    ...text('jwksUri'),
    ...text('launchUri'),
    ...text('logoUri'),
    ...(jwks !== undefined && { jwks: keySet(jwks) }),
    ...(algorithm !== undefined && { idTokenAlgorithm: algorithm }),
    ...(yesOrNo(input, 'native') && { native: true }),
    ...(yesOrNo(input, 'trusted') && { trusted: true }),
  };
}

/** @throws OutcomeError where the text is no key set. */
function keySet(text: string): { keys: object[] } {
  try {
    const { keys } = JSON.parse(text) as { keys: unknown };
    if (Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null)) return { keys };
  } catch {
    // Said below.
  }
  throw outcomeError('invalid', 'jwks is the JSON text of a key set: {"keys": [ … ]}.', { status: 400 });
}

function registeredAnswer({ client, secret }: Registered): Answer {
  const shown = secret === undefined ? [] : [{ name: 'secret', valueString: secret }];
  return { ...answer([clientPart(client), ...shown]), headers: { 'cache-control': 'no-store' } };
}

function answer(parameter: JsonObject[]): Answer {
  return { status: 200, resource: { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) } };
}

function clientPart({ id, kind, name, scopes, status, created, createdBy, metadata }: Client): JsonObject {
  const { redirectUris = [], jwksUri, launchUri } = metadata;
  return {
    name: 'client',
    part: [
      { name: 'id', valueString: id },
      { name: 'kind', valueCode: kind },
      { name: 'name', valueString: name },
      { name: 'scopes', valueString: scopes },
      { name: 'status', valueCode: status },
      ...redirectUris.map((uri) => ({ name: 'redirectUri', valueUri: uri })),
      ...(jwksUri === undefined ? [] : [{ name: 'jwksUri', valueUrl: jwksUri }]),
      ...(launchUri === undefined ? [] : [{ name: 'launchUri', valueUrl: launchUri }]),
      ...(metadata.trusted === true ? [{ name: 'trusted', valueBoolean: true }] : []),
      ...(metadata.dynamic === true ? [{ name: 'dynamic', valueBoolean: true }] : []),
      { name: 'created', valueInstant: created },
      { name: 'createdBy', valueString: createdBy },
    ],
  };
}
