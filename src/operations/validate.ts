/** $validate: what a write would find, without writing. https://hl7.org/fhir/R4/resource-operation-validate.html */
import type { JsonObject } from '../fhir/json.ts';
import { operationOutcome, outcomeError, type Issue } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { validateForOperation, type ValidationMode } from '../fhir/validation/operation.ts';
import type { Call } from '../interactions/call.ts';
import { opened } from '../interactions/binary-sealed.ts';
import { parseStored } from '../interactions/document.ts';
import { existing } from '../interactions/read.ts';
import { showed } from '../interactions/trail.ts';
import { visibleCurrent } from '../interactions/visible.ts';
import type { Answer, Context } from '../request.ts';
import { operationInput } from './parameters.ts';

const modes: readonly string[] = ['create', 'update', 'delete', 'profile'];

export async function validate(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['resource', 'mode', 'profile'], 'resource');
  const [mode] = input.texts('mode');
  if (mode !== undefined && !modes.includes(mode)) {
    throw outcomeError('value', `mode must be one of ${modes.join(', ')}, not "${mode.slice(0, 40)}".`, {
      status: 400,
    });
  }
  const { type, id } = call.target;
  const sent = input.resource('resource');
  if (mode === 'delete') {
    return outcomeAnswer(await deletionFindings(context, type, id));
  }
  const resource = sent ?? (await storedResource(context, type, id));
  const [profile] = input.texts('profile');
  const issues = validateForOperation(resource, {
    type,
    ...(id !== '' && { id }),
    ...(mode !== undefined && { mode: mode as ValidationMode }),
    ...(profile !== undefined && { profile }),
  });
  return outcomeAnswer(issues);
}

/** The findings, with 200: the operation itself succeeded. */
function outcomeAnswer(issues: readonly Issue[]): Answer {
  return { status: 200, resource: operationOutcome(issues) as unknown as JsonObject };
}

async function storedResource(context: Context, type: string, id: string): Promise<JsonObject> {
  if (id === '') {
    throw outcomeError('required', '$validate on a type needs the resource to validate.', { status: 400 });
  }
  const stored = await existing(context, { type, id });
  if (stored.text === null) {
    throw outcomeError('deleted', `${type}/${id} was deleted.`);
  }
  showed(context.trail, stored);
  const { text } = await opened(context, stored);
  return parseStored(text ?? '');
}

async function deletionFindings(context: Context, type: string, id: string): Promise<Issue[]> {
  if (id === '') {
    throw outcomeError('required', '$validate with the mode delete is called on an instance.', { status: 400 });
  }
  const stored = await visibleCurrent(context, { type: typeNumber(type) ?? -1, id });
  const live = stored !== undefined && stored.text !== null;
  if (live) showed(context.trail, stored);
  return live
    ? []
    : [{ severity: 'error', code: 'not-found', diagnostics: `There is no ${type}/${id} that could be deleted.` }];
}
