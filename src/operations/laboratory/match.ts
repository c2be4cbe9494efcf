/**
 * Patient/$match: who may be the person that is to be registered. https://hl7.org/fhir/R4/patient-operation-match.html
 *
 *   POST [base]/Patient/$match    resource (a Patient), onlyCertainMatches?, count? (1 to 50)    200: a Bundle, best first
 *
 * Each entry has its score, its grade and, in an extension, why. Candidates share an identifier, the birth date, a telephone
 * number or a word of the name; the caller gets those that he may see.
 */
import { operationOutcome, outcomeError, type Issue } from '../../fhir/outcome.ts';
import type { JsonObject } from '../../fhir/json.ts';
import type { Call } from '../../interactions/call.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches, type Match } from '../../interactions/matches.ts';
import { showed } from '../../interactions/trail.ts';
import { identifiersOf, leastScore, likenessOf, type Likeness } from '../../laboratory/patient-match.ts';
import { objects, text } from '../../laboratory/terms.ts';
import type { Answer, Context, Parameters } from '../../request.ts';
import { yesOrNo } from '../administer.ts';
import { operationInput } from '../parameters.ts';
import { numberIn } from './input.ts';

/** Candidates of each criterion, and entries of an answer. */
const mostCandidates = 200;
const mostEntries = 50;

const gradeUrl = 'http://hl7.org/fhir/StructureDefinition/match-grade';
const reasonUrl = 'urn:makhbar:extension:match-explanation';

interface Found extends Likeness {
  readonly match: Match;
  readonly resource: JsonObject;
}

export async function match(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['resource', 'onlyCertainMatches', 'count'], 'resource');
  const wanted = input.resource('resource');
  if (wanted?.['resourceType'] !== 'Patient') {
    throw outcomeError('required', 'The parameter resource is a Patient, as far as it is known.', { status: 400 });
  }
  const count = numberIn(input, 'count', mostEntries) ?? 10;
  const certain = yesOrNo(input, 'onlyCertainMatches');
  const { candidates, more } = await candidatesOf(context, wanted);
  const found = candidates
    .map((one): Found => {
      const resource = parseStored(one.text);
      return { match: one, resource, ...likenessOf(wanted, resource) };
    })
    .filter(({ score, grade }) => score >= leastScore && (!certain || grade === 'certain'))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, Math.max(1, count));
  found.forEach((one) => showed(context.trail, one.match.stored));
  return { status: 200, resource: bundleOf(context, found, more) };
}

async function candidatesOf(context: Context, wanted: JsonObject): Promise<{ candidates: Match[]; more: boolean }> {
  const found = new Map<string, Match>();
  let more = false;
  for (const criteria of criteriaOf(wanted)) {
    const some = await findMatches(context, 'Patient', criteria, mostCandidates + 1);
    more ||= some.length > mostCandidates;
    some.slice(0, mostCandidates).forEach((one) => found.set(one.id, one));
  }
  return { candidates: [...found.values()], more };
}

/** What stands in a value of a search for itself. */
function escaped(value: string): string {
  return value.replace(/[\\,$|]/g, (character) => `\\${character}`);
}

function criteriaOf(wanted: JsonObject): Parameters[] {
  const identifiers = identifiersOf(wanted).map((one) => {
    const at = one.indexOf('|');
    return `${escaped(one.slice(0, at))}|${escaped(one.slice(at + 1))}`;
  });
  const birth = text(wanted['birthDate']);
  const phones = objects(wanted['telecom']).flatMap(({ system, value }) =>
    system === 'phone' && typeof value === 'string' && value !== '' ? [escaped(value)] : [],
  );
  const words = objects(wanted['name']).flatMap(({ family, given }) =>
    [family, ...(Array.isArray(given) ? given : [])].flatMap((one) =>
      typeof one === 'string' && one.length > 1 ? [escaped(one)] : [],
    ),
  );
  return [
    ...(identifiers.length > 0 ? [[['identifier', identifiers.join()]] as const] : []),
    ...(birth === undefined ? [] : [[['birthdate', birth]] as const]),
    ...(phones.length > 0 ? [[['phone', phones.join()]] as const] : []),
    ...(words.length > 0 ? [[['name', words.slice(0, 10).join()]] as const] : []),
  ];
}

function bundleOf({ base }: Context, found: readonly Found[], more: boolean): JsonObject {
  const issues: Issue[] = [
    {
      severity: 'warning',
      code: 'incomplete',
      diagnostics: `More than ${mostCandidates} patients share something with this one; say more of him.`,
    },
  ];
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: found.length,
    entry: [
      ...found.map(({ resource, score, grade, reasons }) => ({
        fullUrl: `${base}/Patient/${String(resource['id'])}`,
        resource,
        search: {
          extension: [
            { url: gradeUrl, valueCode: grade },
            { url: reasonUrl, valueString: reasons.join(', ') },
          ],
          mode: 'match',
          score,
        },
      })),
      ...(more ? [{ resource: operationOutcome(issues) as unknown as JsonObject, search: { mode: 'outcome' } }] : []),
    ],
  };
}
