/**
 * The GraphQL request in an HTTP request: a query parameter, a document as the body, JSON, or Parameters.
 * https://hl7.org/fhir/R4/graphql.html#invoking
 */
import { decodeUtf8, parseJson, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { mediaType } from '../interactions/body.ts';
import type { Call } from '../interactions/call.ts';
import { allowParameters, valuesOf } from '../interactions/headers.ts';

export interface GraphqlInput {
  readonly query: string;
  readonly variables: JsonObject;
  readonly operationName: string | undefined;
}

/** A document has at most 5,000 tokens; the rest is variables. */
const longest = 1_000_000;

/** @throws OutcomeError 400, 413, 415. */
export async function graphqlInput(call: Call): Promise<GraphqlInput> {
  allowParameters(call, ['query', 'variables', 'operationName']);
  const sent = call.method === 'POST' && call.body !== undefined ? await bodyMembers(call.body) : {};
  const [query] = valuesOf(call.query, 'query');
  const [variables] = valuesOf(call.query, 'variables');
  const [operationName] = valuesOf(call.query, 'operationName');
  return checked({
    ...sent,
    ...(query !== undefined && { query }),
    ...(variables !== undefined && { variables: parseJson(variables) }),
    ...(operationName !== undefined && { operationName }),
  });
}

function checked({ query, variables = null, operationName = null }: JsonObject): GraphqlInput {
  if (typeof query !== 'string' || query.trim() === '') throw refused('$graphql needs a query.');
  if (variables !== null && !isObject(variables)) throw refused('The variables must be a JSON object.');
  if (operationName !== null && typeof operationName !== 'string') throw refused('operationName must be a string.');
  return { query, variables: variables ?? {}, operationName: operationName ?? undefined };
}

async function bodyMembers(body: NonNullable<Call['body']>): Promise<JsonObject> {
  if (body.resource !== undefined) return members(body.resource);
  const { type } = mediaType(body.contentType);
  if (type !== 'application/graphql' && !/^(application|text)\/(fhir\+)?json$/.test(type)) {
    throw outcomeError('not-supported', 'Send the query as application/graphql or application/json.', { status: 415 });
  }
  const text = decodeUtf8(await body.read(longest));
  return type === 'application/graphql' ? { query: text } : members(parseJson(text));
}

/** The members of GraphQL's JSON, or of Parameters. */
function members(sent: JsonValue): JsonObject {
  if (!isObject(sent)) throw refused('The body must be a JSON object with the member query.');
  if (sent['resourceType'] === undefined) return sent;
  if (sent['resourceType'] !== 'Parameters') throw refused('The body must be a GraphQL request or Parameters.');
  const parts = Array.isArray(sent['parameter']) ? sent['parameter'].filter(isObject) : [];
  return { query: parts.find((part) => part['name'] === 'query')?.['valueString'] ?? null };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(sentence: string): Error {
  return outcomeError('invalid', sentence, { status: 400 });
}
