/** What a step does through the door: requests of the server itself, and restricting and erasing as evidence of a request. */
import { Readable } from 'node:stream';
import { serializeJson, type JsonObject } from '../fhir/json.ts';
import { part, type Part } from '../privacy/request-task.ts';
import type { Answer, Context, Request } from '../request.ts';
import { yesOrNo } from './administer.ts';
import type { CarriedOut, Carrying, Preview } from './request-carry-out.ts';

/** Posts a resource; @throws OutcomeError where it is refused. */
export function post(
  context: Context,
  segments: readonly string[],
  resource: JsonObject,
  headers: Request['headers'] = {},
): Promise<Answer> {
  const bytes = Buffer.from(serializeJson(resource));
  const request: Request = {
    method: 'POST',
    segments,
    query: [],
    headers,
    body: {
      contentType: 'application/fhir+json',
      resource,
      read: () => Promise.resolve(bytes),
      stream: () => Readable.from([bytes]),
    },
  };
  return context.door.serve(context, request);
}

export async function restrictForRequest(context: Context, carrying: Carrying): Promise<CarriedOut> {
  const { patient, facts } = carrying;
  const answer = await post(context, ['Patient', patient, '$restrict'], {
    resourceType: 'Parameters',
    parameter: [
      { name: 'reason', valueString: `Request ${facts.number}` },
      { name: 'requestedBy', valueString: `Task/${String(carrying.task['id'])}` },
    ],
  });
  const [restriction] = parametersOf(answer);
  const id = ((restriction?.['part'] ?? []) as JsonObject[]).find(({ name }) => name === 'id')?.['valueUuid'];
  return { outputs: [part('evidence', { valueUuid: String(id) })], documents: [] };
}

export async function eraseForRequest(context: Context, carrying: Carrying): Promise<CarriedOut | Preview> {
  const { patient, facts, input } = carrying;
  const dryRun = yesOrNo(input, 'dryRun');
  const answer = await post(context, ['Patient', patient, '$erase'], {
    resourceType: 'Parameters',
    parameter: [
      { name: 'reason', valueString: `Request ${facts.number}` },
      ...['keep', 'rule'].flatMap((name) => input.texts(name).map((text) => ({ name, valueString: text }))),
      ...(dryRun ? [{ name: 'dryRun', valueBoolean: true }] : []),
    ],
  });
  if (dryRun) return { preview: answer.resource ?? { resourceType: 'Parameters' } };
  const parameters = parametersOf(answer);
  const tombstone = parameters.find(({ name }) => name === 'tombstone')?.['valueUuid'];
  return {
    outputs: [
      part('evidence', { valueUuid: String(tombstone) }),
      ...(['erased', 'kept', 'dereferenced', 'left'] as const).flatMap((name) => counts(parameters, name)),
    ],
    documents: [],
  };
}

function parametersOf({ resource }: Answer): JsonObject[] {
  return (resource?.['parameter'] ?? []) as JsonObject[];
}

/** `Observation: 12`, as what went, stayed, lost a reference or may still name the patient. */
function counts(parameters: readonly JsonObject[], name: Part): JsonObject[] {
  return parameters
    .filter((one) => one['name'] === name)
    .map((one) => {
      const parts = one['part'] as JsonObject[];
      const value = (of: string): JsonObject | undefined => parts.find((other) => other['name'] === of);
      const text = `${String(value('type')?.['valueCode'])}: ${String(value('count')?.['valueInteger'])}`;
      const rule = value('rule')?.['valueString'];
      return part(name, { valueString: rule === undefined ? text : `${text} (${String(rule)})` });
    });
}
