/**
 * What a stored transmission becomes: results Observations, and a question an answer (answers.ts); when it came, after a
 * death, or when somebody has mended the reason why it could not be applied.
 *
 * What is passing (the database is away) is no fault of the message: it stays received, and is tried again.
 */
import type { JsonObject } from '../../fhir/json.ts';
import type { Problem } from '../../hl7v2/acknowledge.ts';
import { OutcomeError } from '../../fhir/outcome.ts';
import { newId } from '../../interactions/new-id.ts';
import type { Context } from '../../request.ts';
import { claimMessage, finishMessage, type StoredMessage } from '../../store/messages.ts';
import { specimensOf, translateResults, type AstmSettings } from '../../translation/astm/results.ts';
import type { Translation } from '../../translation/translation.ts';
import { apply } from '../apply.ts';
import { contextOf, sessionOf } from '../gateway.ts';
import { callerOf } from '../interfaces.ts';
import { asJson, isPassing, problemsOf } from '../problems.ts';
import { provenance } from '../provenance.ts';
import { markSteps } from '../work.ts';
import { waitForMaterial } from '../judged-again.ts';
import { codeTask, endTask, openTask, shown } from '../task.ts';
import { unmappedProblems } from '../unmapped.ts';
import { driverOf, type Gateway, type ServedAstm } from './gateway.ts';
import { knownWork } from './known.ts';
import { readTransmission, type Reading } from './reading.ts';

/** What of a stored message is looked at. */
export type Stored = Pick<StoredMessage, 'id' | 'raw' | 'peer' | 'status'>;

/** Applies a message that is stored. @returns whether it is applied, by now or before */
export async function applied(gateway: Gateway, served: ServedAstm, stored: Stored): Promise<boolean> {
  const { server } = gateway;
  const reading = readTransmission(driverOf(gateway, served.interface), stored.raw, served.interface.charset);
  const caller = await callerOf(server, served);
  const context = contextOf(server, { tenant: served.tenant, caller, requestId: stored.id, address: stored.peer });
  const of = { served, stored, reading };
  let unmapped: Translation['unmapped'] = [];
  try {
    if (reading.problem !== undefined) return await wait(context, of, [reading.problem]);
    const made = await translated(context, of);
    ({ unmapped } = made);
    const errors = made.problems.filter(({ severity = 'E' }) => severity === 'E');
    if (errors.length > 0) return await wait(context, of, [...errors, ...made.problems]);
    await apply(context, made.entries, {
      provenance: (target) => provenance(served.interface, { id: stored.id, display: 'ASTM' }, target),
      isOpen: (session) => claimMessage(session, stored.id),
      analyzer: {
        device: served.interface.law.device,
        run: stored.id,
        wait: (inside, left) => waitForMaterial(inside, served.interface, { left, message: readable(reading.text) }),
      },
      mark: async (inside, { resources, patients, left }) => {
        await markSteps(inside, served, stepsOf(made.entries));
        await finishMessage(inside.session, stored.id, {
          status: 'applied',
          problems: [...asJson([...made.problems, ...left]), ...unmappedProblems(made.unmapped)],
          resources,
          patients,
        });
      },
    });
  } catch (error) {
    if (isPassing(error)) throw error;
    if (!(error instanceof OutcomeError)) server.log.error({ err: error, message: stored.id }, 'message not applied');
    return await wait(context, of, problemsOf(error));
  }
  await tellUnmapped(context, of, unmapped);
  if (stored.status === 'failed') await endTask(server, { ...served, peer: stored.peer }, stored.id);
  return true;
}

/** What the results say of the orders that they are of: the loop is closed. */
function stepsOf(entries: Translation['entries']): Parameters<typeof markSteps>[2] {
  const steps = new Map<string, { order: string; status: string; subject?: JsonObject | undefined }>();
  for (const { resource } of entries) {
    const {
      basedOn = [],
      status,
      subject,
    } = resource as {
      basedOn?: { reference?: string }[];
      status?: string;
      subject?: JsonObject;
    };
    for (const { reference = '' } of basedOn) {
      const order = /^ServiceRequest\/(.+)$/.exec(reference)?.[1];
      if (order === undefined) continue;
      const isDone = status === 'final' || status === 'corrected' || status === 'amended';
      const before = steps.get(order)?.status ?? 'completed';
      steps.set(order, { order, status: isDone ? before : 'in-progress', ...(subject && { subject }) });
    }
  }
  return [...steps.values()];
}

interface Of {
  readonly served: ServedAstm;
  readonly stored: Stored;
  readonly reading: Reading;
}

/** All messages of a transmission are applied together, or none. */
async function translated(context: Context, { served, reading }: Of): Promise<Translation> {
  const numbers = [...new Set(reading.messages.flatMap(specimensOf))];
  const known = await knownWork(context, numbers);
  const { tenant, interface: own, mapped } = served;
  const settings: AstmSettings = {
    zone: own.zone ?? tenant.settings.timezone ?? 'UTC',
    systems: {},
    mapped,
    work: (number) => known.get(number),
    sender: own.id,
    createsPatients: own.createsPatients,
  };
  const made = reading.messages.map((message) => translateResults(message, settings, newId));
  return {
    entries: made.flatMap(({ entries }) => entries),
    problems: made.flatMap(({ problems }) => problems),
    unmapped: made.flatMap(({ unmapped }) => unmapped),
  };
}

/** One Task for each code that no ConceptMap of the interface maps, whichever message brought it: its results are there. */
async function tellUnmapped(
  { server }: Context,
  { served, stored, reading }: Of,
  unmapped: Translation['unmapped'],
): Promise<void> {
  const { tenant, interface: own } = served;
  if (own.conceptMaps.length === 0) return;
  for (const { code, display } of new Map(unmapped.map((one) => [one.code, one])).values()) {
    const name = display === '' ? code : `${code} (${display})`;
    const opened = openTask(
      server,
      { tenant, interface: own, peer: stored.peer },
      {
        id: codeTask(own.id, code),
        text: `Code of ${own.name} without a mapping`,
        description: `No ConceptMap of the interface maps ${name}. Results with it have the analyzer's code; once it is mapped: makhbar messages replay --unmapped`,
        input: [{ type: { text: 'message' }, valueString: readable(reading.text).slice(0, shown) }],
      },
    );
    await opened.catch((error: unknown) => server.log.error({ err: error, interface: own.id }, 'no Task for a code'));
  }
}

/** Waits as a Task with its text, for somebody to mend the reason. */
async function wait(
  { server }: Context,
  { served, stored, reading }: Of,
  problems: readonly Problem[],
): Promise<false> {
  const { tenant, interface: own } = served;
  await openTask(
    server,
    { tenant, interface: own, peer: stored.peer },
    {
      id: stored.id,
      text: `Message of ${own.name} not applied`,
      description: [...new Set(problems.map(({ sentence }) => sentence))].join('\n').slice(0, 4_000),
      input: [{ type: { text: 'message' }, valueString: readable(reading.text).slice(0, shown) }],
    },
  );
  await finishMessage(sessionOf(server, tenant), stored.id, {
    status: 'failed',
    problems: asJson(problems.slice(0, 50)),
  });
  return false;
}

/** As FHIR lets a string be: lines, and no controls. */
function readable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return (
    text
      .replaceAll(/\r\n?/g, '\n')
      .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F]/g, ' ')
      .trim() || '(nothing)'
  );
}
