/**
 * What an analyzer asks (Q) is answered on the line that it asked by: the work of the specimens that it names, or of all, and
 * that there is none. A range of specimens is answered as what is not known: their numbers have no order here.
 *
 * The answer is a message of record like any other; one that is not taken within a while is given up: the analyzer asks again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { readQuery, workRecords, type Query, type SpecimenWork } from '../../astm/query.ts';
import { writeRecords } from '../../astm/record.ts';
import { thing } from '../../audit/security.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { announceWithin } from '../../interactions/announce.ts';
import type { Context } from '../../request.ts';
import { markSent } from '../../store/outbox.ts';
import type { WorkStep } from '../../translation/out/law.ts';
import { timeText } from '../../translation/out/times.ts';
import { enqueue } from '../enqueue.ts';
import { contextOf, sessionOf } from '../gateway.ts';
import { findAll, findSpecimens, idOf } from '../find.ts';
import { allSteps, openSteps } from '../work.ts';
import { callerOf } from '../interfaces.ts';
import type { Gateway, ServedAstm } from './gateway.ts';
import type { Line } from './line.ts';
import { numberOf } from './reading.ts';
import type { Taken } from './transmission.ts';

/** Milliseconds in which an analyzer that asked must take the answer. */
const longest = 60_000;
/** Specimens of one question. */
const most = 500;

interface Asked {
  readonly line: Line;
  readonly peer: string;
  readonly taken: Taken;
}

export async function answerQuestions(gateway: Gateway, served: ServedAstm, asked: Asked): Promise<void> {
  const { reading, id, done } = asked.taken;
  const records = reading.messages.flatMap(({ queries }) => queries.map(({ record }) => record));
  const queries = records.map(readQuery).filter(({ cancels }) => !cancels);
  if (queries.length === 0) return;
  await done;
  const { server } = gateway;
  const { tenant } = served;
  const caller = await callerOf(server, served);
  const context = contextOf(server, { tenant, caller, requestId: id, address: asked.peer });
  const works = (await Promise.all(queries.map((query) => worksOf(context, served, query)))).flat();
  const controlId = numberOf(reading).slice(0, 200);
  await tellWork(gateway, served, { line: asked.line, peer: asked.peer, controlId, works, answers: true });
}

export interface Telling {
  readonly line: Line;
  readonly peer: string;
  readonly controlId: string;
  readonly works: readonly Found[];
  /** Whether it answers a question. */
  readonly answers: boolean;
}

/** Sends work as a message of record. @returns whether the analyzer took it */
export async function tellWork(gateway: Gateway, served: ServedAstm, telling: Telling): Promise<boolean> {
  const { tenant, interface: own } = served;
  const { line, works, answers } = telling;
  const zone = own.zone ?? tenant.settings.timezone ?? 'UTC';
  const at = timeText(new Date().toISOString(), zone)
    .replace(/[+-]\d{4}$/, '')
    .slice(0, 14);
  const lines = workRecords(
    works.map(({ work }) => work),
    { sender: tenant.name, at, answers },
  );
  const bytes = lines.map((one) => writeRecords({ lines: [one], charset: own.charset ?? 'utf-8' }));
  const patients = [...new Set(works.flatMap(({ patient }) => patient ?? []))];
  const message = await keep(gateway, served, { telling, raw: Buffer.concat(bytes), patients });
  const delivered = await send(line, bytes);
  await markSent(sessionOf(gateway.server, tenant), message, { status: delivered ? 'sent' : 'failed' });
  return delivered;
}

/** With the event that says that it goes out. */
async function keep(
  { server }: Gateway,
  { tenant, interface: own }: ServedAstm,
  { telling, raw, patients }: { readonly telling: Telling; readonly raw: Buffer; readonly patients: readonly string[] },
): Promise<string> {
  const name = `Endpoint/${own.id}`;
  const charset = own.charset ?? 'utf-8';
  const { controlId, peer } = telling;
  return server.database.transaction(tenant.id, async (session) => {
    const outgoing = { protocol: 'astm', type: 'O', sender: tenant.name, controlId, charset, raw, patients } as const;
    const message = await enqueue(session, own.id, outgoing, 'accepted');
    await announceWithin(session, {
      ...{ kind: 'message-sent', deed: 'astm O', requestId: message, patients, address: peer },
      ...{ agent: { subject: name, client: name, roles: ['interface'] }, further: [thing('message', message)] },
    });
    return message;
  });
}

/** When the analyzer has ended what it says. */
async function send(line: Line, records: readonly Buffer[]): Promise<boolean> {
  const end = Date.now() + longest;
  let isOpen = true;
  void line.ended.then(() => (isOpen = false));
  while (isOpen && Date.now() < end) {
    const sent = await line.send(records);
    if (sent.delivered) return true;
    await pause(Math.min(1_000, Math.max(20, sent.again - Date.now())), undefined, { ref: false });
  }
  return false;
}

export interface Found {
  readonly work: SpecimenWork;
  /** Id of the patient. */
  readonly patient: string | undefined;
}

async function worksOf(context: Context, served: ServedAstm, query: Query): Promise<Found[]> {
  if (query.upTo !== '') return [];
  if (query.all) {
    const all = await allSteps(context, served);
    return found(
      context,
      query,
      all.slice(0, most).map((one) => ({ ...one, number: numberOn(one.specimen) })),
    );
  }
  const named: Steps[] = [];
  for (const number of query.specimens.slice(0, most)) {
    const [specimen, ...more] = await findSpecimens(context, number);
    if (specimen === undefined || more.length > 0) continue;
    named.push({ number, specimen, steps: await openSteps(context, served, specimen) });
  }
  return found(context, query, named);
}

export interface Steps {
  readonly number: string;
  readonly specimen: JsonObject;
  readonly steps: readonly WorkStep[];
}

/** The number on a specimen's label. */
export function numberOn({ accessionIdentifier, identifier = [] }: JsonObject): string {
  const [first] = identifier as { value?: string }[];
  return (accessionIdentifier as { value?: string } | undefined)?.value ?? first?.value ?? '';
}

export async function found(
  context: Context,
  { tests }: Pick<Query, 'tests'>,
  all: readonly Steps[],
): Promise<Found[]> {
  const works: Found[] = [];
  for (const { number, specimen, steps } of all) {
    const codes = [...new Set(steps.map(codeOf))].filter((code) => tests.length === 0 || tests.includes(code));
    if (number === '' || codes.length === 0) continue;
    const id = idOf(specimen['subject'] ?? steps[0]?.order['subject'], 'Patient');
    const [patient] = id === undefined ? [] : await findAll(context, 'Patient', '_id', [id]);
    works.push({ work: { ...about(patient), specimen: number, tests: codes, ...urgency(steps) }, patient: id });
  }
  return works;
}

function codeOf({ code }: WorkStep): string {
  const { coding = [] } = code as { coding?: { code?: string }[] };
  return coding[0]?.code ?? '';
}

function urgency(steps: readonly WorkStep[]): Pick<SpecimenWork, 'priority' | 'action'> {
  const said = new Set(steps.map(({ order }) => order['priority']));
  return { priority: said.has('stat') ? 'S' : said.has('asap') || said.has('urgent') ? 'A' : 'R', action: 'A' };
}

function about(patient: JsonObject | undefined): Omit<SpecimenWork, 'specimen' | 'tests' | 'priority' | 'action'> {
  const {
    identifier = [],
    name = [],
    birthDate = '',
    gender,
  } = (patient ?? {}) as {
    identifier?: { value?: string }[];
    name?: { family?: string; given?: string[] }[];
    birthDate?: string;
    gender?: string;
  };
  return {
    patient: identifier[0]?.value ?? '',
    family: name[0]?.family ?? '',
    given: name[0]?.given?.[0] ?? '',
    birthDate: birthDate.replaceAll('-', ''),
    sex: gender === 'male' ? 'M' : gender === 'female' ? 'F' : 'U',
  };
}
