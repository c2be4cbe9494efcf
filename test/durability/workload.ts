/**
 * Writers that note what was acknowledged, and the check afterwards.
 *
 * 1. A create, update or delete that was acknowledged is there, with the version that the answer named.
 * 2. The bytes of a Binary that was acknowledged come back as they were.
 * 3. All of a transaction is there when it was acknowledged, all or nothing of it when the answer never came.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Answer, Client } from '../../conformance/client.ts';

const system = 'http://example.org/durability';
const size = 7;

export interface Ledger {
  /** `Patient/id/_history/version` → the mark that the version carries. */
  versions: Map<string, string>;
  deleted: Set<string>;
  /** `Binary/id` → SHA-256 of its bytes. */
  binaries: Map<string, string>;
  /** Mark of a transaction → was it acknowledged? */
  transactions: Map<string, boolean>;
}

export function newLedger(): Ledger {
  return { versions: new Map(), deleted: new Set(), binaries: new Map(), transactions: new Map() };
}

type Json = Record<string, unknown>;

const patient = (mark: string, extra: Json = {}): Json => ({
  resourceType: 'Patient',
  identifier: [{ system, value: mark }],
  name: [{ text: mark }],
  ...extra,
});

/** Works until the first request that gets no answer, which is when the server has been killed. */
export async function writeUntilKilled(client: Client, ledger: Ledger, round: string): Promise<void> {
  const writers = [creating, creating, updating, updating, deleting, uploading, transacting, transacting, transacting];
  await Promise.all(
    writers.map((writer, i) => untilCut(async (n) => void (await writer(client, ledger, `${round}-${i}-${n}`)))),
  );
}

async function untilCut(step: (n: number) => Promise<void>): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      await step(n);
    } catch (error) {
      // By name: under jest the errors of fetch come from another realm.
      if (['TypeError', 'TimeoutError', 'AbortError'].includes((error as Error).name)) return;
      throw error;
    }
  }
}

function acknowledged(answer: Answer, ...statuses: number[]): void {
  if (!statuses.includes(answer.status)) {
    throw new Error(`${answer.method} ${answer.url}: ${answer.status} ${answer.text.slice(0, 300)}`);
  }
}

function note(ledger: Ledger, answer: Answer, mark: string): void {
  const { id, meta } = answer.json as { id: string; meta: { versionId: string } };
  ledger.versions.set(`Patient/${id}/_history/${meta.versionId}`, mark);
}

const headers = { prefer: 'return=representation' };

async function creating(client: Client, ledger: Ledger, mark: string): Promise<string> {
  const answer = await client.send('POST', 'Patient', { body: patient(mark), headers });
  acknowledged(answer, 201);
  note(ledger, answer, mark);
  return answer.json.id;
}

async function updating(client: Client, ledger: Ledger, mark: string): Promise<void> {
  const id = await creating(client, ledger, mark);
  for (let i = 0; i < 5; i++) {
    const again = `${mark}-u${i}`;
    const answer = await client.send('PUT', `Patient/${id}`, { body: patient(again, { id }), headers });
    acknowledged(answer, 200);
    note(ledger, answer, again);
  }
}

async function deleting(client: Client, ledger: Ledger, mark: string): Promise<void> {
  const id = await creating(client, ledger, mark);
  acknowledged(await client.send('DELETE', `Patient/${id}`), 200, 204);
  ledger.deleted.add(`Patient/${id}`);
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function uploading(client: Client, ledger: Ledger): Promise<void> {
  const body = randomBytes(300_000);
  const answer = await client.send('POST', 'Binary', { body, headers: { 'content-type': 'application/octet-stream' } });
  acknowledged(answer, 201);
  const location = answer.headers.get('location') ?? '';
  ledger.binaries.set(/Binary\/[^/]+/.exec(location)?.[0] ?? location, hashOf(body));
}

async function transacting(client: Client, ledger: Ledger, mark: string): Promise<void> {
  ledger.transactions.set(mark, false);
  const post = { resource: patient(mark), request: { method: 'POST', url: 'Patient' } };
  const body = { resourceType: 'Bundle', type: 'transaction', entry: Array.from({ length: size }, () => post) };
  acknowledged(await client.send('POST', '', { body }), 200);
  ledger.transactions.set(mark, true);
}

/** What is missing or half of all that the ledger notes. */
export async function findLosses(client: Client, ledger: Ledger): Promise<string[]> {
  const losses: string[] = [];
  const versions = await readAll(client, [...ledger.versions.keys()]);
  for (const [path, mark] of ledger.versions) {
    const { status, resource } = versions.get(path) ?? {};
    if (status !== '200' || resource?.name?.[0]?.text !== mark) losses.push(`${path} (${mark}): ${status}`);
  }
  for (const [path, { status }] of await readAll(client, [...ledger.deleted])) {
    if (status !== '410') losses.push(`${path} was deleted: ${status}`);
  }
  for (const [path, hash] of ledger.binaries) {
    const answer = await client.send('GET', path, { headers: { accept: '*/*' } });
    if (answer.status !== 200 || hashOf(answer.bytes) !== hash) losses.push(`${path}: ${answer.status}`);
  }
  const found = await readAll(client, [...ledger.transactions.keys()].map(searchOf));
  for (const [mark, done] of ledger.transactions) {
    const { status, resource } = found.get(searchOf(mark)) ?? {};
    const count = status === '200' ? (resource?.entry ?? []).length : Number.NaN;
    if (count !== size && (done || count !== 0))
      losses.push(`transaction ${mark} (${done ? 'acknowledged' : 'cut off'}): ${count} of ${size}`);
  }
  return losses;
}

function searchOf(mark: string): string {
  return `Patient?identifier=${encodeURIComponent(`${system}|${mark}`)}&_count=100`;
}

interface Found {
  /** Three digits. */
  readonly status: string;
  readonly resource?: { readonly name?: { readonly text: string }[]; readonly entry?: unknown[] };
}

/** What each path answers, by path: asked in batches, for there are thousands. */
async function readAll(client: Client, paths: readonly string[]): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  for (let from = 0; from < paths.length; from += 100) {
    const asked = paths.slice(from, from + 100);
    const entry = asked.map((url) => ({ request: { method: 'GET', url } }));
    const answer = await client.send('POST', '', { body: { resourceType: 'Bundle', type: 'batch', entry } });
    acknowledged(answer, 200);
    const answers = answer.json.entry as { response: { status: string }; resource?: Found['resource'] }[];
    if (answers.length !== asked.length) throw new Error(`${answers.length} answers to ${asked.length} requests.`);
    asked.forEach((path, i) => {
      const { response, resource } = answers[i] ?? { response: { status: '' } };
      found.set(path, { status: response.status.slice(0, 3), ...(resource && { resource }) });
    });
  }
  return found;
}
