/**
 * ServiceRequest/$order: one order for each test, panels taken apart, in one requisition.
 *
 *   POST [base]/ServiceRequest/$order    201: Parameters with requisition, order…, requirement…, outcome?
 *
 * | parameter                  | is                                                                         |
 * |----------------------------|----------------------------------------------------------------------------|
 * | patient                    | reference                                                                  |
 * | test (repeated)            | a code of the catalogue, or system|code, as http://loinc.org|2823-3        |
 * | priority                   | routine (without it), urgent, asap, stat                                   |
 * | requester, encounter       | references; the caller himself without a requester                         |
 * | location                   | reference to the ward (Location)                                           |
 * | insurance, insuranceNote   | reference to a Coverage; who pays, in words                                |
 * | fasting                    | hours                                                                      |
 * | reason, note               | text                                                                       |
 * | answers (repeated)         | QuestionnaireResponse to what the tests ask                                |
 * | dryRun                     | stores nothing                                                             |
 *
 * A duplicate, a question without its answer and a patient who did not fast are warnings in `outcome`; an unknown test
 * refuses all (422).
 */
import type { JsonObject } from '../../fhir/json.ts';
import { operationOutcome, outcomeError, type Issue } from '../../fhir/outcome.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Call } from '../../interactions/call.ts';
import { newId } from '../../interactions/new-id.ts';
import { orderOf, requisitionSystem, type Ordering } from '../../laboratory/order.ts';
import { requirementsOf, type Requirement } from '../../laboratory/requirement.ts';
import { catalogueSystem, ucumSystem } from '../../laboratory/terms.ts';
import type { TestDefinition } from '../../laboratory/test-definition.ts';
import type { Answer, Context } from '../../request.ts';
import { yesOrNo } from '../administer.ts';
import { operationInput, type Input } from '../parameters.ts';
import { missing, oneOf, textOf } from '../request-input.ts';
import { answersTo } from './answers.ts';
import { duplicatesOf } from './duplicates.ts';
import { containersOf, offersOf } from './find-tests.ts';
import { numberIn, referenceIn } from './input.ts';
import { checkPatientOfOrder } from './patient.ts';
import { asServer, made, writeAll, writtenResource } from './server-rights.ts';

const names = [
  ...['patient', 'test', 'priority', 'requester', 'encounter', 'insurance', 'insuranceNote', 'fasting', 'reason'],
  ...['location', 'note', 'answers', 'dryRun'],
];
const priorities = ['routine', 'urgent', 'asap', 'stat'] as const;

/** Tests of one order. */
const mostTests = 200;

export interface Wanted {
  readonly test: TestDefinition;
  readonly panel?: string;
}

export async function order(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, names);
  const patient = referenceIn(input, 'patient', ['Patient']) ?? missing('patient');
  await checkPatientOfOrder(context, patient);
  const wanted = await wantedIn(context, input.texts('test'));
  const ordering = orderingOf(context, input, patient);
  const answers = await answersTo(
    context,
    wanted.map(({ test }) => test),
    input.resources('answers'),
    patient,
  );
  const tests = wanted.map(({ test }) => test);
  const issues = [
    ...(await duplicatesOf(context, patient, tests)),
    ...answers.issues,
    ...fastingIssues(tests, ordering),
  ];
  const requirements = requirementsOf(wanted, await containersOf(context, tests));
  const dryRun = yesOrNo(input, 'dryRun');
  const orders = dryRun ? [] : await store(context, wanted, ordering, answers.responses);
  const resource = answerOf({ ordering, orders, requirements, issues });
  return { status: dryRun ? 200 : 201, resource };
}

/** @throws OutcomeError `business-rule` (422) for what the catalogue does not have. */
export async function wantedIn(context: Context, codes: readonly string[]): Promise<Wanted[]> {
  if (codes.length === 0) missing('test');
  if (codes.length > mostTests) {
    throw outcomeError('too-costly', `An order has ${mostTests} tests at most, not ${codes.length}.`);
  }
  const tokens = codes.map((code) => (code.includes('|') ? code : `${catalogueSystem}|${code}`));
  const offers = await offersOf(context, tokens);
  const wanted = new Map<string, Wanted>();
  for (const token of tokens) {
    const offer = offers.get(token);
    if (offer === undefined) {
      throw outcomeError('business-rule', `"${token.slice(0, 100)}" is no test or panel of the catalogue.`);
    }
    // A test that is in two panels is done once.
    for (const test of offer.tests) {
      if (!wanted.has(test.code))
        wanted.set(test.code, { test, ...(offer.panel !== undefined && { panel: offer.panel }) });
    }
  }
  return [...wanted.values()];
}

function orderingOf({ caller }: Context, input: Input, subject: string): Ordering {
  const own = /^Practitioner(Role)?\//.test(caller.fhirUser ?? '') ? caller.fhirUser : undefined;
  const requester = referenceIn(input, 'requester', ['Practitioner', 'PractitionerRole', 'Organization']) ?? own;
  const encounter = referenceIn(input, 'encounter', ['Encounter']);
  const location = referenceIn(input, 'location', ['Location']);
  const insurance = referenceIn(input, 'insurance', ['Coverage']);
  const [insuranceNote, note] = [textOf(input, 'insuranceNote', 500), textOf(input, 'note', 2_000)];
  const [reason, fasting] = [textOf(input, 'reason', 500), numberIn(input, 'fasting', 100)];
  return {
    subject,
    requisition: newId(),
    authoredOn: new Date().toISOString(),
    priority: oneOf(input, 'priority', priorities) ?? 'routine',
    ...(requester !== undefined && { requester }),
    ...(encounter !== undefined && { encounter }),
    ...(location !== undefined && { location }),
    ...(insurance !== undefined && { insurance }),
    ...(insuranceNote !== undefined && { insuranceNote }),
    ...(note !== undefined && { note }),
    ...(reason !== undefined && { reason }),
    ...(fasting !== undefined && { fasting }),
  };
}

function fastingIssues(tests: readonly TestDefinition[], { fasting }: Ordering): Issue[] {
  return tests.flatMap(({ code, fasting: needed }) => {
    if (needed === undefined || (fasting ?? 0) >= needed) return [];
    const said = fasting === undefined ? 'which is not said' : `not ${fasting}`;
    const diagnostics = `${code} needs a patient who has fasted for ${needed} hours, ${said}.`;
    return [{ severity: 'warning', code: 'business-rule', diagnostics }];
  });
}

function store(
  context: Context,
  wanted: readonly Wanted[],
  ordering: Ordering,
  responses: readonly JsonObject[],
): Promise<JsonObject[]> {
  return inTransaction(context, async (inside) => {
    const server = asServer(inside);
    const answers = responses.map((one) => made(server, { authored: ordering.authoredOn, ...one }));
    const references = answers.map(({ entry }) => `QuestionnaireResponse/${entry.id}`);
    await writeAll(server, answers);
    const orders = wanted.map(({ test, panel }) =>
      made(inside, orderOf(test, { ...ordering, answers: references }, panel)),
    );
    await writeAll(inside, orders);
    return orders.map(writtenResource);
  });
}

interface Made {
  readonly ordering: Ordering;
  readonly orders: readonly JsonObject[];
  readonly requirements: readonly Requirement<Wanted>[];
  readonly issues: readonly Issue[];
}

function answerOf({ ordering, orders, requirements, issues }: Made): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'requisition', valueIdentifier: { system: requisitionSystem, value: ordering.requisition } },
      ...orders.map((resource) => ({ name: 'order', resource })),
      ...requirements.map(requirementPart),
      ...(issues.length === 0
        ? []
        : [{ name: 'outcome', resource: operationOutcome(issues) as unknown as JsonObject }]),
    ],
  };
}

function requirementPart({ container, count, volume, tests }: Requirement<Wanted>): JsonObject {
  return {
    name: 'requirement',
    part: [
      {
        name: 'container',
        valueReference: { reference: `SpecimenDefinition/${container.id}`, display: container.name },
      },
      { name: 'count', valueInteger: count },
      {
        name: 'volume',
        valueQuantity: { value: Math.round(volume * 100) / 100, unit: 'mL', system: ucumSystem, code: 'mL' },
      },
      ...tests.map(({ test }) => ({ name: 'test', valueCode: test.code })),
    ],
  };
}
