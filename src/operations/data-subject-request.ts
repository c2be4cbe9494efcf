/**
 * $data-subject-request: files the request of a person about his data (GDPR Art. 15 to 21).
 *
 *   POST [base]/$data-subject-request    type, patient?, name?, contact?, text?, identity?, received?, language?    201: the Task
 *
 * For the data protection officer (manage/privacy), and for a patient about himself (patient/Task.c). `type` is access,
 * portability, rectification, restriction, objection or erasure; `identity` says how it was made sure who asks (in-person,
 * document, account, call-back, representative); `received` when the request came, now without it: the month counts from
 * there. `name`, `contact` and `text` become a document (the letter) apart from the Task.
 */
import { grants } from '../access/scopes.ts';
import { officerRole } from '../access/roles.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { inTransaction } from '../interactions/commit.ts';
import { newId } from '../interactions/new-id.ts';
import { dueDay } from '../privacy/due.ts';
import {
  documentType,
  idPrefix,
  numberOf,
  requestTask,
  rights,
  type IdentityCheck,
  type Right,
} from '../privacy/request-task.ts';
import type { Answer, Context } from '../request.ts';
import { holdersOf } from '../store/break-glass.ts';
import { checkPatient } from './break-glass.ts';
import { operationInput, type Input } from './parameters.ts';
import { identityOf, languageIn, patientOf, receivedOf, rightOf, textOf } from './request-input.ts';
import { made, writeAll } from './request-writing.ts';

const names = ['type', 'patient', 'name', 'contact', 'text', 'identity', 'received', 'language'];

export async function dataSubjectRequest(context: Context, call: Call): Promise<Answer> {
  const self = whoFiles(context);
  const input = await operationInput(context, call, names);
  const filing = filingOf(input, self);
  const task = await fileRequest(context, filing);
  const location = `${context.base}/Task/${String(task['id'])}`;
  return { status: 201, headers: { location }, resource: task };
}

/** The patient who asks for himself; undefined for who may file for anybody. @throws OutcomeError `forbidden` */
function whoFiles({ caller }: Context): string | undefined {
  if (caller.manages.includes('privacy')) return undefined;
  const self = /^Patient\/(.+)$/.exec(caller.fhirUser ?? '')?.[1];
  if (self !== undefined && grants(caller.permits, 'c', 'Task')) return self;
  throw outcomeError(
    'forbidden',
    'Requests are filed by whoever manages privacy (manage/privacy), or by a patient about himself (patient/Task.c).',
  );
}

export interface Filing {
  readonly right: Right;
  readonly patient?: string | undefined;
  readonly name?: string | undefined;
  readonly contact?: string | undefined;
  readonly text?: string | undefined;
  readonly identity?: IdentityCheck | undefined;
  readonly received: Date;
  readonly language: string;
  /** Who hands it on; the patient himself where there is none. */
  readonly sender?: JsonObject;
}

export function filingOf(input: Input, self: string | undefined): Filing {
  const patient = patientOf(input);
  if (self !== undefined && patient !== undefined && patient !== self) {
    throw outcomeError('forbidden', 'You may file a request about yourself only.');
  }
  return {
    right: rightOf(input),
    patient: self ?? patient,
    name: textOf(input, 'name', 200),
    contact: textOf(input, 'contact', 500),
    text: textOf(input, 'text', 10_000),
    // Whoever signed in as the patient has shown who he is.
    identity: self === undefined ? identityOf(input) : 'account',
    received: self === undefined ? receivedOf(input, Date.now()) : new Date(),
    language: languageIn(input) ?? 'en',
  };
}

/** Stores the Task and the letter. @throws OutcomeError `required` where nothing says who asks */
export async function fileRequest(context: Context, filing: Filing): Promise<JsonObject> {
  const { patient, name, contact, text } = filing;
  if (patient === undefined && name === undefined && contact === undefined && text === undefined) {
    throw outcomeError('required', 'Say who asks: patient, or name, contact or text.', { status: 400 });
  }
  const written = [name, contact, text].some((one) => one !== undefined);
  return inTransaction(context, async (inside) => {
    if (patient !== undefined) await checkPatient(inside, patient);
    const letter = written ? made(inside, letterOf(filing)) : undefined;
    const task = await taskOf(inside, filing, letter?.entry.id);
    const [version = 1] = await writeAll(inside, [
      made(inside, task, String(task['id'])),
      ...(letter === undefined ? [] : [letter]),
    ]);
    if (patient !== undefined) inside.trail.patients.add(patient);
    return { ...task, meta: { ...(task['meta'] as JsonObject), versionId: String(version) } };
  });
}

async function taskOf(inside: Context, filing: Filing, letter: string | undefined): Promise<JsonObject> {
  const { right, patient, received, identity, language, sender } = filing;
  const requester = sender ?? (patient === undefined ? undefined : { reference: `Patient/${patient}` });
  return requestTask({
    id: `${idPrefix}${newId()}`,
    right,
    patient,
    received: received.toISOString(),
    due: dueDay(received, inside.tenant.settings.timezone),
    now: new Date().toISOString(),
    identity,
    language,
    letter: letter === undefined ? undefined : `DocumentReference/${letter}`,
    requester,
    owner: await ownerOf(inside),
  });
}

/** The officer where there is one, else whoever has the role. */
async function ownerOf({ session }: Context): Promise<JsonObject> {
  const [officer, ...others] = await holdersOf(session, officerRole);
  if (officer !== undefined && others.length === 0) return { reference: officer };
  return { type: 'PractitionerRole', identifier: { system: 'urn:makhbar:role', value: officerRole } };
}

/** What the person wrote and how to reach him: restricted, and it goes with the patient when he is erased. */
function letterOf({ patient, name, contact, text, received, right }: Filing): JsonObject {
  const lines = [
    ...(name === undefined ? [] : [`Name: ${name}`]),
    ...(contact === undefined ? [] : [`Contact: ${contact}`]),
    ...(text === undefined ? [] : ['', text]),
  ];
  return {
    resourceType: 'DocumentReference',
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
    status: 'current',
    type: documentType,
    category: [{ coding: [{ system: 'urn:makhbar:data-subject-part', code: 'letter' }] }],
    ...(patient !== undefined && { subject: { reference: `Patient/${patient}` } }),
    date: received.toISOString(),
    description: `Request of the person: ${rights[right].text}`,
    content: [
      {
        attachment: {
          contentType: 'text/plain; charset=utf-8',
          data: Buffer.from(lines.join('\n')).toString('base64'),
        },
      },
    ],
  };
}

/** What the person is told at once: that the request came, its number and until when it is answered. */
export function receiptOf(task: JsonObject): { task: string; number: string; received: string; due: string } {
  const received = String(task['authoredOn']);
  const period = ((task['restriction'] as JsonObject)['period'] ?? {}) as JsonObject;
  const id = String(task['id']);
  return { task: `Task/${id}`, number: numberOf(id, received), received, due: String(period['end']) };
}
