/**
 * $graphql on the system, a type and a resource. https://hl7.org/fhir/R4/graphql.html
 *
 * graphql-input.ts what is asked · -limits what it may cost · -schema, -types, -scalars what can be asked ·
 * -element, -reference, -search how it is found · -run, -gather with few statements · -answer how it is written.
 *
 * Mutations are not offered. `resource` twice in one selection with different arguments needs aliases, and members of
 * another type than Resource a fragment: the GraphQL language says so, where R4's page does not.
 */
import type { GraphQLError } from 'graphql';
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { serializeJson } from '../fhir/json.ts';
import { OutcomeError, operationOutcome, outcomeError, statusOf } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { describeError } from '../log.ts';
import type { Answer, Context } from '../request.ts';
import { graphqlInput } from './graphql-input.ts';

export async function graphql(context: Context, call: Call): Promise<Answer> {
  const input = await graphqlInput(call);
  const { executeGraphql } = await import('./graphql-execute.ts');
  const outcome = await executeGraphql(context, call.target, input);
  if ('data' in outcome) return answer(200, { data: outcome.data });
  const errors = outcome.errors.map((error) => ({ error, cause: causeOf(context, error) }));
  const status = Math.max(...errors.map(({ cause }) => statusOf(cause)));
  return answer(status, { data: null, errors: errors.map(({ error, cause }) => described(error, cause)) });
}

function answer(status: number, content: JsonObject): Answer {
  return { status, raw: { contentType: 'application/json', body: Buffer.from(serializeJson(content)) } };
}

/** What went wrong in our words; a fault of ours is logged and told without details. */
function causeOf({ server, requestId }: Context, error: unknown): OutcomeError {
  const cause = isGraphqlError(error) ? error.originalError : error;
  if (cause instanceof OutcomeError) return cause;
  if (isGraphqlError(error) && (cause === undefined || isGraphqlError(cause))) {
    return outcomeError('invalid', error.message, { status: 400 });
  }
  server.log.error({ requestId, err: describeError(cause) }, 'unexpected error');
  return outcomeError('exception', 'The server failed in a way it does not know; its log names this request.');
}

/** By its name: the class is in a library that may not be loaded. */
function isGraphqlError(error: unknown): error is GraphQLError {
  return error instanceof Error && error.name === 'GraphQLError';
}

function described(error: unknown, cause: OutcomeError): JsonObject {
  const { locations, path } = isGraphqlError(error) ? error : {};
  return {
    message: cause.message,
    ...(locations && { locations: locations.map(({ line, column }) => ({ line, column })) }),
    ...(path && { path: [...path] }),
    extensions: { resource: operationOutcome(cause.issues) as unknown as JsonValue },
  };
}
