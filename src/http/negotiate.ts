/**
 * The format of the answer: `_format` before Accept, JSON by default. https://hl7.org/fhir/R4/http.html#parameters
 */
import { outcomeError } from '../fhir/outcome.ts';
import { formatOf, mediaType, type Format } from '../interactions/body.ts';
import type { Parameters } from '../request.ts';

export interface Negotiated {
  readonly format: Format;
  readonly pretty: boolean;
  /** Neither named nor excluded: Binary may answer in its own type. */
  readonly explicit: boolean;
}

const shorthands = new Map<string, Format>([
  ['json', 'json'],
  ['xml', 'xml'],
  ['html', 'json'],
]);

/**
 * @param anyType the answer may have a type of its own (a Binary), so that no accepted type is refused
 * @param further types that the operation itself can give, as text/csv
 * @throws OutcomeError `not-supported` (406) where none of the accepted types can be given.
 */
export function negotiate(
  query: Parameters,
  accept: string | undefined,
  anyType = false,
  further: readonly string[] = [],
): Negotiated {
  const pretty = query.some(([name, value]) => name === '_pretty' && value === 'true');
  const asked = query.find(([name]) => name === '_format')?.[1];
  if (asked !== undefined) {
    // A + that the caller did not escape arrives as a space: application/fhir json.
    const type = asked.replace(/ (json|xml|ndjson)\b/, '+$1');
    if (further.includes(mediaType(type).type)) return { format: 'json', pretty, explicit: false };
    const format = shorthands.get(type.toLowerCase()) ?? formatOf(checkVersion(type));
    if (format === undefined) {
      throw outcomeError('not-supported', `"${asked.slice(0, 80)}" is no format of this server; use json or xml.`, {
        status: 406,
      });
    }
    return { format, pretty, explicit: true };
  }
  return { ...fromAccept(accept ?? '*/*', anyType || further.length > 0), pretty };
}

function fromAccept(accept: string, anyType: boolean): Omit<Negotiated, 'pretty'> {
  const all = accept.split(',').map((text) => ({ text, quality: Number(mediaType(text).parameters['q'] ?? 1) }));
  const ranges = all.filter((range) => range.quality > 0).sort((a, b) => b.quality - a.quality);
  // What is excluded by name is not meant by `*/*`, either.
  const noJson = all.some(({ text, quality }) => quality === 0 && formatOf(text) === 'json');
  for (const { text } of ranges) {
    const { type } = mediaType(text);
    const format = formatOf(text);
    if (format !== undefined && speaksR4(text)) {
      return { format, explicit: true };
    }
    if (['*/*', 'application/*', 'text/html', 'text/*', ''].includes(type)) {
      return { format: noJson ? 'xml' : 'json', explicit: false };
    }
  }
  if (anyType) {
    return { format: 'json', explicit: false };
  }
  throw outcomeError(
    'not-supported',
    `None of the accepted types (${accept.slice(0, 120)}) can be given; accept application/fhir+json or application/fhir+xml.`,
    { status: 406 },
  );
}

function speaksR4(range: string): boolean {
  const version = mediaType(range).parameters['fhirversion'];
  return version === undefined || /^4\.0(\.\d+)?$/.test(version);
}

function checkVersion(type: string): string {
  if (!speaksR4(type)) {
    throw outcomeError('not-supported', 'This server speaks FHIR 4.0 only.', { status: 406 });
  }
  return type;
}
