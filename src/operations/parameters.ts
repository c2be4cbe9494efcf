/**
 * The input of an operation: query parameters of a GET, or a Parameters resource in the body of a POST.
 * https://hl7.org/fhir/R4/operations.html#request
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { readResource } from '../interactions/body.ts';
import type { Call } from '../interactions/call.ts';
import type { Context } from '../request.ts';

export interface Input {
  /** Of the parameters that were given. */
  readonly names: readonly string[];
  /** The primitive values of a parameter, as text. */
  texts(name: string): string[];
  /** The resource of a parameter. */
  resource(name: string): JsonObject | undefined;
  /** All of them, where it may be repeated. */
  resources(name: string): JsonObject[];
  /** The complex value of a parameter, e.g. a Meta. */
  value(name: string): JsonObject | undefined;
  /** The parts of a parameter, each time it is given. */
  parts(name: string): JsonObject[][];
  /** All of them, where it may be repeated. */
  values(name: string): JsonObject[];
  /** The parameters of some names as they were sent in a body. */
  given(names: readonly string[]): JsonObject[];
}

const general = new Set(['_format', '_pretty', '_summary', '_elements']);

/**
 * The input of a call.
 * @param names the parameters the operation knows; undefined where it looks at all of them itself
 * @param bare the parameter that a body other than Parameters stands for
 * @throws OutcomeError for a parameter that it does not know.
 */
export async function operationInput(
  context: Context,
  call: Call,
  names: readonly string[] | undefined,
  bare?: string,
): Promise<Input> {
  const sent = call.method === 'POST' && call.body ? await readResource(context, call) : undefined;
  const parts = sent === undefined ? [] : partsOf(sent, bare);
  const given = [...call.query.map(([key]) => key), ...parts.map((part) => String(part['name']))];
  for (const name of given) {
    if (!general.has(name) && names?.includes(name) === false) {
      throw outcomeError(
        'not-supported',
        `The operation ${call.target.operation} has no parameter "${name.slice(0, 80)}".`,
        {
          status: 400,
        },
      );
    }
  }
  const find = (name: string): JsonObject | undefined => parts.find((part) => part['name'] === name);
  return {
    names: given,
    texts: (name) => [
      ...call.query.filter(([key]) => key === name).map(([, value]) => value),
      ...parts.filter((part) => part['name'] === name).map((part) => String(valueOf(part))),
    ],
    resource: (name) => objectOf(find(name)?.['resource']),
    resources: (name) =>
      parts
        .filter((part) => part['name'] === name)
        .map(({ resource }) => objectOf(resource))
        .filter((one) => one !== undefined),
    value: (name) => objectOf(valueOf(find(name) ?? {})),
    parts: (name) =>
      parts
        .filter((part) => part['name'] === name)
        .map(({ part }) => (Array.isArray(part) ? part : []).map(objectOf).filter((one) => one !== undefined)),
    values: (name) =>
      parts
        .filter((part) => part['name'] === name)
        .map((part) => objectOf(valueOf(part)))
        .filter((value) => value !== undefined),
    given: (asked) => parts.filter((part) => asked.includes(String(part['name']))),
  };
}

function partsOf(sent: JsonObject, bare: string | undefined): JsonObject[] {
  if (sent['resourceType'] === 'Parameters') {
    const parts = sent['parameter'] ?? [];
    return Array.isArray(parts) ? parts.map(objectOf).filter((part) => part !== undefined) : [];
  }
  if (bare === undefined) {
    throw outcomeError('structure', 'The body of this operation must be a Parameters resource.', { status: 400 });
  }
  return [{ name: bare, resource: sent }];
}

function valueOf(part: JsonObject): JsonValue {
  const key = Object.keys(part).find((name) => /^value[A-Z]/.test(name));
  return key === undefined ? null : (part[key] ?? null);
}

function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
