/** Clinical questions of the tests that are ordered, and their answers: QuestionnaireResponses kept with the order. */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError, type Issue } from '../../fhir/outcome.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import { objects, text } from '../../laboratory/terms.ts';
import type { TestDefinition } from '../../laboratory/test-definition.ts';
import type { Context } from '../../request.ts';
import { asServer } from './server-rights.ts';

export interface Answers {
  /** To be stored. */
  readonly responses: readonly JsonObject[];
  /** Questions that must be answered and are not. */
  readonly issues: readonly Issue[];
}

/** @throws OutcomeError `business-rule` for answers to a Questionnaire that no test asks. */
export async function answersTo(
  context: Context,
  tests: readonly TestDefinition[],
  given: readonly JsonObject[],
  patient: string,
): Promise<Answers> {
  const asked = new Set(tests.flatMap(({ questionnaire }) => questionnaire ?? []));
  const responses = given.map((response) => {
    const url = urlOf(response);
    if (!asked.has(url)) {
      throw outcomeError('business-rule', `answers is to the Questionnaire "${url}", which none of these tests asks.`);
    }
    return { ...response, status: 'completed', subject: { reference: patient } };
  });
  if (asked.size === 0) return { responses, issues: [] };
  const criteria = [
    ['url', [...asked].join()],
    ['status', 'active'],
  ] as const;
  const found = await findMatches(asServer(context), 'Questionnaire', criteria, 100);
  const issues = found.flatMap(({ text: stored }) => unanswered(parseStored(stored), responses));
  return { responses, issues };
}

function urlOf(response: JsonObject): string {
  return (text(response['questionnaire']) ?? '').split('|')[0] ?? '';
}

function unanswered(questionnaire: JsonObject, responses: readonly JsonObject[]): Issue[] {
  const own = responses.filter((one) => urlOf(one) === questionnaire['url']);
  const answered = new Set(
    own.flatMap(({ item }) =>
      objects(item).flatMap(({ linkId, answer }) => (objects(answer).length > 0 ? [linkId] : [])),
    ),
  );
  return objects(questionnaire['item'])
    .filter(({ required, linkId }) => required === true && !answered.has(linkId ?? ''))
    .map(({ linkId, text: question }) => ({
      severity: 'warning',
      code: 'required',
      diagnostics: `The question ${String(questionnaire['url'])}#${String(linkId)} is not answered: ${String(question)}`,
    }));
}
