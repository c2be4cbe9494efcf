/**
 * Observation/$enter-culture: what grew, and what it is susceptible to; all of it or nothing.
 *
 *   POST [base]/Observation/$enter-culture    200: Parameters with result…, member…, report
 *
 * | parameter           | is                                                                                         |
 * |---------------------|--------------------------------------------------------------------------------------------|
 * | specimen, order…, device, time | as of $enter-results                                                            |
 * | culture             | the analyte of the culture: `urine-culture`                                                  |
 * | growth              | whether something grew                                                                      |
 * | incubated           | hours so far                                                                                |
 * | text                | the result in words, where it should be others than the server's                            |
 * | organism (repeated) | parts: organism (code of the laboratory or SNOMED CT), isolate?, count?, susceptibility…      |
 * | standard            | `EUCAST` or `CLSI`, where the laboratory's first breakpoint is not meant                    |
 * | comment…, comment-code… | comments                                                                                |
 * | reason              | of a correction, where the culture was released                                             |
 *
 * `susceptibility` has the parts drug, method (`mic` or `disk`), value (`<=0.25`, `17`), or interpretation (S, I, R) alone, and
 * report: whether it is reported, where the laboratory's rules (laboratory/microbiology/reporting.ts) would say otherwise.
 *
 * 1. Growth is never verified automatically.
 * 2. Entered again the culture is replaced: day 1, 2, 5. Isolates that are not named any more are cancelled. Each version stays.
 * 3. A culture that was released is corrected, with a reason, by who may release; isolates that are gone are withdrawn.
 */
import { outcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import { antibiogramOf, antibiogramTopic, type Antibiogram } from '../../../laboratory/microbiology/antibiogram.ts';
import { subjectOf } from '../../../laboratory/order.ts';
import type { Answer, Context } from '../../../request.ts';
import { optional } from '../../administer.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { missing, oneOf, textOf } from '../../request-input.ts';
import { numberIn } from '../input.ts';
import { workOf } from '../results/enter.ts';
import type { Entry } from '../results/entry.ts';
import { orderedAnalyte, orderedAnalytes, type OrderedAnalyte } from '../results/ordered-analytes.ts';
import { requireWholeAccess } from '../results/review.ts';
import { resultsOf, type Work } from '../results/work-up.ts';
import { writeResults } from '../results/write-results.ts';
import { asServer, writtenResource } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import { isolatesIn, type GivenIsolate } from './isolates.ts';
import { membersOf } from './members.ts';

const names = ['specimen', 'order', 'device', 'time', 'culture', 'growth', 'incubated', 'text', 'organism', 'standard'];
const more = ['comment', 'comment-code', 'reason'];

export async function enterCulture(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, [...names, ...more]);
  const culture = textOf(input, 'culture', 80) ?? missing('culture');
  const grew = (oneOf(input, 'growth', ['true', 'false'] as const) ?? missing('growth')) === 'true';
  const correction = textOf(input, 'reason', 500);
  if (correction !== undefined) requireWholeAccess(context, 'A correction');
  return inTransaction(context, async (inside) => {
    const server = asServer(inside);
    const isolates = isolatesIn(input, await antibiogram(server), optional(input, 'standard'));
    if (!grew && isolates.length > 0) {
      throw outcomeError('business-rule', 'A culture without growth has no organism.');
    }
    const work: Work = { ...(await workOf(inside, input)), grew, ...(correction !== undefined && { correction }) };
    const analyte = cultureIn(await orderedAnalytes(server, work.orders), culture);
    const subject = subjectOf(analyte.order.resource) ?? '';
    const { members, organisms } = await membersOf(inside, { work, analyte, isolates, subject });
    const entry = entryOf(input, { culture, grew, isolates, organisms });
    const results = await resultsOf(inside, { ...work, members }, [entry]);
    await writeResults(inside, { ...results, own: [...members, ...results.own] });
    const { resources, report } = results;
    const parameter = [
      ...resources.map((resource) => ({ name: 'result', resource })),
      ...members.map((one) => ({ name: 'member', resource: writtenResource(one) })),
      { name: 'report', resource: writtenResource(report) },
    ];
    return { status: 200, resource: { resourceType: 'Parameters', parameter } };
  });
}

async function antibiogram(server: Context): Promise<Antibiogram> {
  const libraries = await knownBy(server, 'Library', [
    ['topic', `${antibiogramTopic.system}|${antibiogramTopic.code}`],
    ['status', 'active'],
  ]);
  return antibiogramOf(libraries.map(({ resource }) => resource));
}

function cultureIn(analytes: Parameters<typeof orderedAnalyte>[0], culture: string): OrderedAnalyte {
  const analyte = orderedAnalyte(analytes, culture);
  if (analyte.definition.section === 'microbiology' && analyte.definition.types.includes('string')) return analyte;
  throw outcomeError(
    'business-rule',
    `${culture.slice(0, 80)} is no culture of microbiology: enter it by $enter-results.`,
  );
}

interface Grown {
  readonly culture: string;
  readonly grew: boolean;
  readonly isolates: readonly GivenIsolate[];
  /** References of their Observations. */
  readonly organisms: readonly string[];
}

function entryOf(input: Input, { culture, grew, isolates, organisms }: Grown): Entry {
  const hours = numberIn(input, 'incubated', 10_000);
  const after = hours === undefined ? '' : ` after ${hours} h`;
  const found = isolates.map(({ organism, count }) =>
    count === undefined ? organism.name : `${organism.name} (${count})`,
  );
  const said = grew ? `Growth${after}${found.length > 0 ? `: ${found.join(', ')}` : ''}` : `No growth${after}`;
  return {
    analyte: culture,
    given: { text: textOf(input, 'text', 2_000) ?? said },
    flags: [],
    comments: commentsIn(input, 'comment', 2_000),
    commentCodes: commentsIn(input, 'comment-code', 60),
    members: organisms,
    interpretation: grew ? 'POS' : 'NEG',
  };
}

function commentsIn(input: Input, name: string, longest: number): string[] {
  return input.texts(name).map((one) => {
    if (one.trim() !== '' && one.length <= longest && !one.includes('\0') && one.isWellFormed()) return one.trim();
    throw outcomeError('invalid', `${name} takes 1 to ${longest} characters.`, { status: 400 });
  });
}
