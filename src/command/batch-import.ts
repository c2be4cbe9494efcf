/**
 * `makhbar messages import`: the messages of a file through an interface, each as if it had come over the network: stored,
 * acknowledged, applied once however often the file is read. Exit code 1 where one was not taken or the file is not whole.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { receive } from '../gateways/hl7v2/receive.ts';
import { makeTurns } from '../gateways/turns.ts';
import { readServed, type Served } from '../gateways/hl7v2/interfaces.ts';
import type { Registered } from '../gateways/interfaces.ts';
import { batchItems } from '../hl7v2/batch-reader.ts';
import type { Server } from '../request.ts';
import { print, type Output } from './connect.ts';
import { within, type Inside } from './messages.ts';
import { noteCommand } from './note.ts';

export interface BatchImportOptions extends Output {
  readonly interface: string;
}

/** Bytes of a message, and of all that wait for their turn; as many messages as wait. */
const longest = 64 * 1024 * 1024;
const mostWaiting = 64;
/** Refusals that are shown. */
const mostShown = 20;

interface Taken {
  messages: number;
  accepted: number;
  refused: number;
  readonly problems: string[];
}

export async function importMessagesCommand(tenant: string, file: string, options: BatchImportOptions): Promise<void> {
  const size = await stat(file).then(
    (found) => found.size,
    () => {
      throw outcomeError('not-found', `${file} cannot be read.`);
    },
  );
  const taken = await within(tenant, async (inside) => {
    const served = await namedInterface(inside, options.interface);
    await noteCommand(inside.database, inside.tenant, { kind: 'import-requested', deed: 'makhbar messages import' }, [
      thing('setting', `Endpoint/${served.interface.id}`),
    ]);
    return takeFile(inside.server, served, { file, size, quiet: options.json === true });
  });
  const { messages, accepted, refused, problems } = taken;
  const lines = [`${accepted} of ${messages} messages were taken.`, ...problems];
  print(options, { messages, accepted, refused, problems }, lines.join('\n'));
  if (refused > 0 || problems.length > 0) process.exitCode = 1;
}

export async function namedInterface({ server, tenant }: Inside, name: string): Promise<Served> {
  return named(await readServed(server, tenant), name);
}

/** By its id, or by its name where that is one interface's alone. */
export function named<Own extends { readonly interface: Registered }>(all: readonly Own[], name: string): Own {
  const found = all.filter(({ interface: own }) => own.id === name || own.name === name);
  const [one] = found;
  if (one !== undefined && found.length === 1) return one;
  throw outcomeError(
    one === undefined ? 'not-found' : 'multiple-matches',
    one === undefined
      ? `There is no active interface ${name.slice(0, 64)}.`
      : `There are ${found.length} interfaces ${name.slice(0, 64)}: name one by its id.`,
  );
}

async function takeFile(
  server: Server,
  served: Served,
  { file, size, quiet }: { readonly file: string; readonly size: number; readonly quiet: boolean },
): Promise<Taken> {
  const taken: Taken = { messages: 0, accepted: 0, refused: 0, problems: [] };
  const turns = makeTurns();
  const waiting = new Set<Promise<void>>();
  let bytesWaiting = 0;
  const raw = createReadStream(file);
  const content = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  for await (const item of batchItems(content, longest)) {
    if (item.kind === 'count') {
      if (item.told !== undefined && item.told !== item.came)
        problem(taken, `${item.segment}-1 tells of ${item.told}, and ${item.came} came.`);
      continue;
    }
    const number = ++taken.messages;
    if (item.kind === 'too-long') {
      taken.refused++;
      problem(taken, `Message ${number} has more than ${longest} bytes.`);
      continue;
    }
    const { bytes } = item;
    while (waiting.size >= mostWaiting || (waiting.size > 0 && bytesWaiting + bytes.length > longest))
      await Promise.race(waiting);
    const { key, parts, acknowledgements } = await receive(server, { peer: '127.0.0.1', candidates: [served] }, bytes);
    bytesWaiting += bytes.length;
    const work = turns
      .take(key, parts, () => acknowledged(acknowledgements))
      .then((answer) => count(taken, number, answer))
      .finally(() => {
        bytesWaiting -= bytes.length;
        waiting.delete(work);
      });
    waiting.add(work);
    if (!quiet && number % 100 === 0)
      process.stderr.write(
        `\r${Math.floor((raw.bytesRead / Math.max(1, size)) * 100)}%: ${number} messages`.padEnd(50),
      );
  }
  await Promise.all(waiting);
  if (!quiet) process.stderr.write('\n');
  return taken;
}

/** The last acknowledgement: of having applied it. */
async function acknowledged(acknowledgements: AsyncGenerator<Buffer>): Promise<string> {
  let last = '';
  for await (const answer of acknowledgements) last = answer.toString('utf8');
  return last;
}

function count(taken: Taken, number: number, answer: string): void {
  const code = /\rMSA.([A-Z]{2})/.exec(answer)?.[1] ?? '';
  if (code === '' || code === 'AA' || code === 'CA') {
    taken.accepted++;
    return;
  }
  taken.refused++;
  const said =
    /\rERR.[^\r]*/
      .exec(answer)?.[0]
      ?.split('|')
      .findLast((field) => field.trim() !== '') ?? '';
  problem(taken, `Message ${number}: ${code} ${said}`.trim());
}

function problem({ problems }: Taken, sentence: string): void {
  if (problems.length < mostShown) problems.push(sentence);
}
