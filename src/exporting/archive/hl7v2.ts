/**
 * An archive of HL7 v2.5.1 messages, a batch each file (§2.10.3): patients as ADT^A28, orders as OML^O21, reports with their
 * results and documents as ORU^R01. What our own gateway makes of a message is compared with what it was made of
 * (translation/out/unsaid.ts).
 *
 * A message is the same whenever it is made for the same export: its time is that of the export, its number is made of the
 * export and the resource.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../fhir/json.ts';
import { OutcomeError, type Issue } from '../../fhir/outcome.ts';
import { charsetLabel } from '../../hl7v2/charset.ts';
import { parseMessage } from '../../hl7v2/message.ts';
import { newId } from '../../interactions/new-id.ts';
import { referenced } from '../../interactions/referenced.ts';
import { translate } from '../../translation/messages.ts';
import { makeMessage } from '../../translation/out/messages.ts';
import { list, string, type Source, type Writing } from '../../translation/out/source.ts';
import { timeText } from '../../translation/out/times.ts';
import { unsaidOf } from '../../translation/out/unsaid.ts';
import { segment, text } from '../../translation/out/writer.ts';
import { ofItself, reportsFor } from './alone.ts';
import { withDocuments } from './documents.ts';
import { leftOut, partly, type Archive, type Archiving, type Made } from './format.ts';
import { identified, identifiedBy } from './identified.ts';

const standard = 'HL7 v2';

/** Type of the root → its message. */
const messages: Readonly<Record<string, string>> = {
  Patient: 'ADT^A28',
  ServiceRequest: 'OML^O21',
  DiagnosticReport: 'ORU^R01',
};

/** What the messages of some resources may name. */
const mostReferenced = 20_000;

export const hl7v2Archive: Archive = {
  standard,
  // Of Observations those that are in no report.
  roots: ['Patient', 'ServiceRequest', 'DiagnosticReport', 'Observation'],
  begin: (archiving) => ['FHS', 'BHS'].map((name) => `${batchHeader(name, archiving)}\r`).join(''),
  end: (count) => `BTS|${count}\rFTS|1\r`,
  make: async (archiving, type, found) => {
    const roots = type === 'Observation' ? await reportsFor(archiving, found) : found;
    const find = identifiedBy(archiving.context.base, await referenced(archiving.context, roots, mostReferenced));
    const made: Made[] = [];
    for (const root of roots) made.push(await madeOf(archiving, root, find));
    return made;
  },
};

function batchHeader(name: string, { context, times }: Archiving): string {
  const time = timeText(times.moment, zoneOf(context));
  // Its name is MSH for the writer only: the separators stand in the same place.
  const fields = { 2: '^~\\&', 3: 'MAKHBAR', 4: text(context.tenant.name), 7: time, 11: context.requestId };
  return segment('MSH', fields).replace(/^MSH/, name);
}

function zoneOf({ tenant }: Archiving['context']): string {
  return tenant.settings.timezone ?? 'UTC';
}

async function madeOf(archiving: Archiving, given: JsonObject, find: Source['find']): Promise<Made> {
  const { context } = archiving;
  const root = identified(context.base, await withDocuments(context, given));
  const shown = shownOf(root);
  try {
    const message = makeMessage(
      messages[string(root['resourceType'])] ?? '',
      { root, created: true, find },
      writingOf(archiving, shown),
    );
    if (message === undefined) return without(shown, 'its message would have nothing to say.');
    return { text: message, issues: () => issuesOf(archiving, { root, shown, find, message }) };
  } catch (error) {
    if (!(error instanceof OutcomeError) || error.issues.some(({ code }) => code === 'transient')) throw error;
    return without(shown, error.message);
  }
}

function without(shown: JsonObject, reason: string): Made {
  return { issues: () => [leftOut(shown, reason)] };
}

/** The resource that the message is of, as people know it. */
function shownOf(root: JsonObject): JsonObject {
  const { source } = (root['meta'] ?? {}) as JsonObject;
  return source === ofItself ? { resourceType: 'Observation', id: string(root['id']) } : root;
}

function writingOf({ context, times }: Archiving, { resourceType, id }: JsonObject): Writing {
  const hash = createHash('sha256').update(`${context.requestId}|${String(resourceType)}/${String(id)}`);
  return {
    version: '2.5.1',
    zone: zoneOf(context),
    authorities: {},
    from: { application: 'MAKHBAR', facility: context.tenant.name },
    to: { application: '', facility: '' },
    acknowledgement: 'original',
    charset: charsetLabel('utf-8'),
    now: times.moment,
    controlId: hash.digest('hex').slice(0, 20),
  };
}

interface Written {
  readonly root: JsonObject;
  readonly shown: JsonObject;
  readonly find: Source['find'];
  readonly message: string;
}

function issuesOf({ context }: Archiving, { root, shown, find, message }: Written): Issue[] {
  const settings = { zone: zoneOf(context), systems: {}, mapped: () => undefined };
  const { entries, problems } = translate(parseMessage(message), settings, newId);
  const wrong = problems.find(({ severity = 'E' }) => severity === 'E');
  if (wrong !== undefined) {
    const diagnostics = `${String(shown['resourceType'])}/${String(shown['id'])} is in the archive, and our own gateway would not take it: ${wrong.sentence}`;
    return [{ severity: 'error', code: 'incomplete', diagnostics }];
  }
  const told = toldBy(root, find).filter((one) => one !== root || shown === root);
  return unsaidOf(told, entries).map(({ resource, elements }) => partly(resource, standard, elements));
}

/** The root, its specimens, and the results with their members. */
function toldBy(root: JsonObject, find: Source['find']): JsonObject[] {
  const told = new Set<JsonObject>([root]);
  for (const resource of told) {
    for (const name of ['specimen', 'result', 'hasMember']) {
      for (const one of list(resource[name])) {
        const found = find(one);
        if (found !== undefined && /^(?:Specimen|Observation)$/.test(string(found['resourceType']))) told.add(found);
      }
    }
  }
  return [...told];
}
