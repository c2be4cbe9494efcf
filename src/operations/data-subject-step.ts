/**
 * $data-subject-step: the next step with a data-subject request; src/privacy/steps.ts has the table of what is possible when.
 *
 *   POST [base]/Task/[id]/$data-subject-step    step, …    200: the Task; with dryRun what an erasure would do
 *
 * | step        | takes                                                | does                                              |
 * |-------------|------------------------------------------------------|---------------------------------------------------|
 * | acknowledge |                                                      | the person was told the number and the due date   |
 * | verify      | identity, patient?                                   | notes how it was made sure who asks               |
 * | forward     | owner                                                | hands it to another                               |
 * | extend      | reason                                               | due three months after it came (Art. 12(3))       |
 * | accept      | identity?, patient?                                  | only with both known                              |
 * | carry-out   | what request-carry-out.ts says for each right        | does it, and keeps the evidence as outputs        |
 * | refuse      | reason                                               | Art. 12(5), 23                                    |
 * | complete    | reason? (needed where there is nothing to show)      | ends it                                           |
 * | fail, cancel| reason                                               | ends it                                           |
 *
 * For the data protection officer (manage/privacy); carrying out needs a fresh second factor. A reason stays with the Task
 * after an erasure: one that names the person is refused.
 */
import type { JsonObject } from '../fhir/json.ts';
import { setMember } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Call } from '../interactions/call.ts';
import { inTransaction } from '../interactions/commit.ts';
import type { Prepared } from '../interactions/prepare.ts';
import { extendedDay } from '../privacy/due.ts';
import { factsOf, part, partsOf, stage, type RequestFacts, type Stage } from '../privacy/request-task.ts';
import { next, stepOf, type Step } from '../privacy/steps.ts';
import type { Answer, Context } from '../request.ts';
import { lastErasure } from '../store/erasure.ts';
import { readCurrent } from '../store/read.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { checkPatient } from './break-glass.ts';
import { holdsWords } from './erase-subject.ts';
import { subjectNamed } from './erase.ts';
import { operationInput, type Input } from './parameters.ts';
import { carryingOut, carryOut } from './request-carry-out.ts';
import { identityOf, missing, patientOf, textOf } from './request-input.ts';
import { changed, currentRequest, writeAll, type Current } from './request-writing.ts';

const names = ['step', 'identity', 'patient', 'owner', 'reason', ...carryingOut];

export async function dataSubjectStep(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, names);
  const step = stepOf(textOf(input, 'step', 40) ?? missing('step'));
  const current = await currentRequest(context, call.target.id);
  const facts = factsOf(current.task);
  const status = next(facts.status, step);
  const asked: Asked = { input, step, facts, reason: await reasonOf(context, input, facts.patient) };
  if (step === 'carry-out') {
    const done = await carryOut(context, { ...asked, task: current.task });
    if ('preview' in done) return { status: 200, resource: done.preview };
    const withOutputs = { ...current.task, output: [...outputsOf(current.task), ...done.outputs] };
    return write(context, current, { ...withOutputs, status, businessStatus: stage('carried-out') }, done.documents);
  }
  return inTransaction(context, async (inside) => {
    const changes = await changesOf[step](inside, { ...asked, task: current.task });
    return write(inside, current, { ...current.task, status, ...changes });
  });
}

export interface Asked {
  readonly input: Input;
  readonly step: Step;
  readonly facts: RequestFacts;
  readonly reason: string | undefined;
}

interface Taking extends Asked {
  readonly task: JsonObject;
}

type Changing = (inside: Context, taking: Taking) => JsonObject | Promise<JsonObject>;

const ended: Stage = 'ended';

const changesOf: Readonly<Record<Exclude<Step, 'carry-out'>, Changing>> = {
  acknowledge: () => ({}),
  verify: (inside, taking) => {
    if (identityOf(taking.input) === undefined) missing('identity');
    return known(inside, taking);
  },
  accept: async (inside, taking) => {
    const changes = await known(inside, taking);
    const { identity, patient } = factsOf({ ...taking.task, ...changes });
    if (identity !== undefined && patient !== undefined) return changes;
    throw outcomeError(
      'business-rule',
      'A request is accepted when it is known which Patient asks (patient) and how that was made sure (identity).',
    );
  },
  forward: (_inside, { input }) => ({ owner: ownerOf(input) }),
  extend: ({ tenant }, { facts, reason }) => {
    const end = extendedDay(new Date(facts.received), tenant.settings.timezone);
    if (facts.due === end) throw outcomeError('business-rule', `The request was extended before, up to ${end}.`);
    return { ...told(reason), restriction: { period: { start: facts.received, end } } };
  },
  refuse: (_inside, { reason }) => ({ ...told(reason), businessStatus: stage(ended) }),
  fail: (_inside, { reason }) => ({ ...told(reason), businessStatus: stage(ended) }),
  cancel: (_inside, { reason }) => ({ ...told(reason), businessStatus: stage(ended) }),
  complete: (_inside, { task, reason }) => {
    const shown = partsOf(task, 'output', 'evidence').length > 0;
    if (!shown && reason === undefined) {
      throw outcomeError('business-rule', 'There is no evidence that the request was carried out: give the reason.');
    }
    return { ...(reason !== undefined && told(reason)), businessStatus: stage(ended) };
  },
};

function told(reason: string | undefined): JsonObject {
  return { statusReason: { text: reason ?? missing('reason') } };
}

/** Who asks, and how that was made sure, as far as it is given now. */
async function known(inside: Context, { input, task, facts }: Taking): Promise<JsonObject> {
  const identity = identityOf(input);
  const patient = patientOf(input);
  if (patient !== undefined && facts.patient !== undefined && patient !== facts.patient) {
    throw outcomeError('business-rule', `The request is about Patient/${facts.patient}; another is another request.`);
  }
  if (patient !== undefined) await checkPatient(inside, patient);
  const inputs = ((task['input'] ?? []) as JsonObject[]).filter(
    (one) => identity === undefined || !partsOf({ input: [one] }, 'input', 'identity-check').includes(one),
  );
  return {
    ...(patient !== undefined && { for: { reference: `Patient/${patient}` } }),
    ...(identity !== undefined && {
      input: [...inputs, part('identity-check', { valueCode: identity })],
      businessStatus: stage('identity-verified'),
    }),
  };
}

const owners = new Set(['Practitioner', 'PractitionerRole', 'Organization', 'CareTeam', 'HealthcareService']);

function ownerOf(input: Input): JsonObject {
  const given = input.value('owner');
  const text = given === undefined ? textOf(input, 'owner', 200) : String(given['reference'] ?? '');
  const parsed = parseReference(text ?? missing('owner'), []);
  if (parsed?.kind === 'local' && owners.has(parsed.type)) return { reference: `${parsed.type}/${parsed.id}` };
  throw outcomeError('invalid', `owner is a reference to one of ${[...owners].join(', ')}.`, { status: 400 });
}

/** @throws OutcomeError `invalid` where it names the patient. */
async function reasonOf(context: Context, input: Input, patient: string | undefined): Promise<string | undefined> {
  const reason = textOf(input, 'reason', 1_000);
  if (reason === undefined || patient === undefined) return reason;
  if (!holdsWords(await subjectNamed(context, patient), reason)) return reason;
  throw outcomeError('invalid', 'reason is kept even after an erasure: it must not name the patient.', { status: 400 });
}

function outputsOf(task: JsonObject): JsonObject[] {
  return (task['output'] ?? []) as JsonObject[];
}

function write(
  context: Context,
  { version }: Current,
  task: JsonObject,
  documents: readonly Prepared[] = [],
): Promise<Answer> {
  return inTransaction(context, async (inside) => {
    const whole = { ...(await withoutErased(inside, task)), lastModified: new Date().toISOString() };
    const id = String(task['id']);
    const [written = version] = await writeAll(inside, [changed(inside, whole, { id, expect: version }), ...documents]);
    const { patient } = factsOf(whole);
    if (patient !== undefined) inside.trail.patients.add(patient);
    setMember(whole, 'meta', { ...(task['meta'] as JsonObject), versionId: String(written) });
    return { status: 200, resource: whole };
  });
}

/** Nothing is stored about an erased patient: the tombstone takes the place of the reference. */
async function withoutErased({ session }: Context, task: JsonObject): Promise<JsonObject> {
  const { patient } = factsOf(task);
  if (patient === undefined) return task;
  if ((await readCurrent(session, typeNumber('Patient') ?? -1, patient)) !== undefined) return task;
  const erasure = await lastErasure(session, patient);
  if (erasure === undefined) return task;
  const tombstone = { type: 'Patient', identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${erasure}` } };
  const { requester, ...rest } = task;
  const own = (requester as JsonObject | undefined)?.['reference'] === `Patient/${patient}`;
  return { ...rest, for: tombstone, ...(requester !== undefined && { requester: own ? tombstone : requester }) };
}
