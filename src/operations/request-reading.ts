/** Everything of a patient, page by page through the door, without what is another's. */
import { parseJson, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { parseQuery } from '../fhir/query.ts';
import { isRequestDocument, partsOf } from '../privacy/request-task.ts';
import type { Context, Parameters } from '../request.ts';
import { maskReferences } from './erase-references.ts';
import { namesIn, type Subject } from './erase-subject.ts';
import { ownerNamed } from './request-others.ts';

export interface Reading {
  /** Whose caller may read everything. */
  readonly context: Context;
  readonly patient: string;
  readonly subject: Subject;
}

/** Each page asks for the whole compartment anew: 10,000 results took 28 s in pages of 200, 15 s in pages of 1,000. */
const pageSize = 1_000;

/** @param type of resources; all without it */
export async function* everythingOf(reading: Reading, type?: string): AsyncGenerator<JsonObject> {
  const { context, patient } = reading;
  let query: Parameters | undefined = [
    ['_count', String(pageSize)],
    ...(type === undefined ? [] : [['_type', type] as const]),
  ];
  while (query !== undefined) {
    const answer = await context.door.serve(context, {
      method: 'GET',
      segments: ['Patient', patient, '$everything'],
      query,
      headers: {},
      body: undefined,
    });
    const bundle = answer.resource ?? (parseJson(answer.text ?? '{}') as JsonObject);
    for (const entry of objects(bundle['entry'])) {
      const resource = ownOnly(reading, entry['resource'] as JsonObject);
      if (resource !== undefined) yield resource;
    }
    query = nextOf(bundle);
  }
}

function nextOf(bundle: JsonObject): Parameters | undefined {
  const url = objects(bundle['link']).find(({ relation }) => relation === 'next')?.['url'];
  if (typeof url !== 'string') return undefined;
  return parseQuery(url.slice(url.indexOf('?') + 1), 'The link to the next page');
}

/** What the patient may be given of a resource. */
function ownOnly({ patient, subject }: Reading, resource: JsonObject): JsonObject | undefined {
  const owner = ownerNamed(resource);
  if (owner !== undefined && owner !== patient) return undefined;
  // What he was given before; the letters are his own words and stay.
  if (isRequestDocument(resource) && isEvidence(resource)) return undefined;
  const others = [...namesIn(subject, resource)].filter(
    (name) => name.startsWith('Patient/') && name !== `Patient/${patient}`,
  );
  if (others.length > 0) maskReferences(subject, resource, new Set(others));
  return resource;
}

function isEvidence({ category }: JsonObject): boolean {
  const inputs = objects(category).map((type) => ({ type }));
  return partsOf({ input: inputs }, 'input', 'evidence').length > 0;
}

function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}
