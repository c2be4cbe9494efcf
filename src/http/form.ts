/**
 * The form of a POST _search, as far as it says how the answer is written: `_format` and `_pretty` stand there instead
 * of in the URL. https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/http.html#parameters
 *
 * The form is read by the search, after the caller is known; here it is only remembered, so that it is neither read for
 * callers who may not search nor read twice.
 */
import { decodeUtf8 } from '../fhir/json.ts';
import { parseQuery } from '../fhir/query.ts';
import type { Body, Parameters } from '../request.ts';

export interface Form {
  readonly body: Body;
  /** What the form says of the answer; nothing where it was not read, or cannot be. */
  readonly parameters: () => Parameters;
  /** As it came, as far as it was read. */
  readonly text: () => string;
}

const concerned = new Set(['_format', '_pretty']);

export function rememberForm(body: Body): Form {
  let bytes: Buffer | undefined;
  return {
    body: {
      ...body,
      read: async (limit) => (bytes = await body.read(limit)),
    },
    text: () => bytes?.toString('utf8') ?? '',
    parameters: () => (bytes === undefined ? [] : parametersIn(bytes)),
  };
}

function parametersIn(bytes: Buffer): Parameters {
  try {
    return parseQuery(decodeUtf8(bytes), 'The form in the body').filter(([name]) => concerned.has(name));
  } catch {
    // The search has said so already, and its refusal is what is being answered.
    return [];
  }
}
