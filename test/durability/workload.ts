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
  for (const [path, mark] of ledger.versions) {
    const { status, json } = await client.send('GET', path);
    if (status !== 200 || json.name?.[0]?.text !== mark) losses.push(`${path} (${mark}): ${status}`);
  }
  for (const path of ledger.deleted) {
    const { status } = await client.send('GET', path);
    if (status !== 410) losses.push(`${path} was deleted: ${status}`);
  }
  for (const [path, hash] of ledger.binaries) {
    const answer = await client.send('GET', path, { headers: { accept: '*/*' } });
    if (answer.status !== 200 || hashOf(answer.bytes) !== hash) losses.push(`${path}: ${answer.status}`);
  }
  for (const [mark, done] of ledger.transactions) {
    const count = await countOf(client, mark);
    if (count !== size && (done || count !== 0))
      losses.push(`transaction ${mark} (${done ? 'acknowledged' : 'cut off'}): ${count} of ${size}`);
  }
  return losses;
}

async function countOf(client: Client, mark: string): Promise<number> {
  const answer = await client.send('GET', `Patient?identifier=${encodeURIComponent(`${system}|${mark}`)}&_count=100`);
  acknowledged(answer, 200);
  return (answer.json.entry ?? []).length;
}
