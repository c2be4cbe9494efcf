/**
 * A GraphQL request, run: limits → schema → validation → execution → answer. Loaded when the first one comes.
 *
 * As R4 asks, an answer is data or errors: where a part of it fails, all of it does, with the status of what failed.
 */
import {
  execute,
  type FragmentDefinitionNode,
  getOperationAST,
  Kind,
  parse,
  validate,
  type DocumentNode,
  type ExecutionResult,
} from 'graphql';
import type { JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Target } from '../interactions/call.ts';
import type { Context } from '../request.ts';
import { exactJson, reorganise } from './graphql-answer.ts';
import type { GraphqlInput } from './graphql-input.ts';
import { checkDocument, mostTokens } from './graphql-limits.ts';
import { checkAllowed, makeRun, type Run, type Source } from './graphql-run.ts';
import { namedTypes, schemaFor } from './graphql-schema.ts';

export type Outcome = { readonly data: JsonValue } | { readonly errors: readonly unknown[] };

/** @throws OutcomeError where the instance is not there; other errors are in the outcome. */
export async function executeGraphql(context: Context, target: Target, input: GraphqlInput): Promise<Outcome> {
  const run = makeRun(context);
  const root = target.id === '' ? undefined : await instance(run, target);
  try {
    return await executed(run, input, root);
  } catch (error) {
    return { errors: [error] };
  }
}

async function instance(run: Run, { type, id }: Target): Promise<Source> {
  checkAllowed(run.context, type);
  const found = await run.read(type, id);
  if (found === undefined) throw outcomeError('not-found', `There is no ${type}/${id}.`);
  return found;
}

async function executed(run: Run, input: GraphqlInput, root: Source | undefined): Promise<Outcome> {
  const document = parse(input.query, { maxTokens: mostTokens });
  checkDocument(document);
  const schema = schemaFor(namedTypes(document), root?.type, run.parameters);
  const invalid = validate(schema, document, undefined, { maxErrors: 20, hideSuggestions: true });
  if (invalid.length > 0) return { errors: invalid };
  const result = (await execute({
    schema,
    document,
    rootValue: root,
    contextValue: run,
    variableValues: input.variables,
    operationName: input.operationName ?? null,
  })) as ExecutionResult;
  if (result.errors !== undefined && result.errors.length > 0) return { errors: result.errors };
  return { data: exactJson(arranged(result.data ?? {}, document, input, run)) };
}

const arranging = new Set(['flatten', 'singleton', 'slice']);

function arranged(
  data: Readonly<Record<string, unknown>>,
  document: DocumentNode,
  { query, operationName }: GraphqlInput,
  run: Run,
): Readonly<Record<string, unknown>> {
  const operation = getOperationAST(document, operationName);
  const asked = [...query.matchAll(/@(\w+)/g)].some(([, name = '']) => arranging.has(name));
  if (!asked || !operation) return data;
  const fragments = new Map(
    document.definitions.flatMap((one): [string, FragmentDefinitionNode][] =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : [],
    ),
  );
  return reorganise(data, operation.selectionSet, { fragments, slices: run.slices });
}
