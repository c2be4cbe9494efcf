/**
 * Compares the log with what was published of it: seals that were cut off at the end, replaced or signed again are found,
 * which nothing inside the database could tell from the real ones.
 */
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { readLine, type PublishedKey, type PublishedSeal } from '../audit/published.ts';
import { isSignedBy, sealHash, sealKey, type Seal } from '../audit/seal.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sealNumbered } from '../store/audit-publications.ts';
import { sealsFrom, type SealHead } from '../store/audit-seals.ts';
import type { Session } from '../store/pool.ts';
import { anyVerificationKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';
import { sealFile } from './seal-file.ts';

export interface Compared {
  /** Different seals that were published, and the number of the last. */
  readonly seals: number;
  readonly last: number;
  /** The first that differs. */
  readonly finding: { readonly seal: number; readonly sentence: string } | undefined;
}

/** @throws the error of the file system where the file cannot be read */
async function compareWithFile(session: Session, tenant: Tenant, path: string): Promise<Compared> {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  const keys = new Map<string, string>();
  let before: PublishedSeal | undefined;
  let stored: AsyncGenerator<SealHead> | undefined;
  let seals = 0;
  const result = (sentence?: string, seal = before?.number ?? 0): Compared => ({
    seals,
    last: before?.number ?? 0,
    finding: sentence === undefined ? undefined : { seal, sentence },
  });
  for await (const text of lines) {
    const line = readLine(text);
    if (line === undefined) continue;
    if ('key' in line) {
      const sentence = await otherKey(session, line.key, keys.get(line.key.id));
      if (sentence !== undefined) return result(sentence, (before?.number ?? 0) + 1);
      keys.set(line.key.id, line.key.jwk);
      continue;
    }
    const { seal } = line;
    // After a crash the last one may come again.
    if (before !== undefined && seal.number === before.number && seal.content === before.content) continue;
    const wrong = ofFile(tenant, { seal, before, key: keys.get(seal.keyId) });
    if (wrong !== undefined) return result(wrong, seal.number);
    stored ??= sealsFrom(session, seal.number);
    const next = await stored.next();
    const sentence = ofLog(seal, next.done === true ? undefined : next.value);
    if (sentence !== undefined) return result(sentence, seal.number);
    before = seal;
    seals++;
  }
  return result();
}

/** Why a published line does not hold by itself. */
function ofFile(
  { name }: Tenant,
  { seal, before, key }: { seal: PublishedSeal; before: PublishedSeal | undefined; key: string | undefined },
): string | undefined {
  const { number, content, signature } = seal;
  const text = textOf(content);
  if (text?.laboratory !== name || text.number !== number) {
    return `The published seal ${number} is that of another place: ${text?.laboratory ?? 'nowhere'}.`;
  }
  if (key === undefined || !isSignedBy(content, signature, sealKey(key))) {
    return `The published seal ${number} is not signed with the key that was published with it.`;
  }
  if (before !== undefined && (number !== before.number + 1 || text.previous !== sealHash(before.content))) {
    return `The published seal ${number} does not follow the one that was published before it.`;
  }
  return undefined;
}

function textOf(content: string): Seal | undefined {
  try {
    return JSON.parse(content) as Seal;
  } catch {
    return undefined;
  }
}

/** Why a seal of the log is not the published one. */
function ofLog({ number, content, signature, keyId }: PublishedSeal, stored: SealHead | undefined): string | undefined {
  if (stored === undefined) {
    return `Seal ${number} was published and is no longer in the log: it was cut off at the end.`;
  }
  if (stored.number !== number) return `Seal ${number} was published and is no longer in the log.`;
  if (stored.content !== content) return `Seal ${number} is another than the one that was published: it was replaced.`;
  if (stored.keyId !== keyId || !stored.signature.equals(signature)) {
    return `Seal ${number} has another signature than the one that was published: it was signed again.`;
  }
  return undefined;
}

async function otherKey(
  session: Session,
  { id, jwk }: PublishedKey,
  known: string | undefined,
): Promise<string | undefined> {
  if (known !== undefined && known !== jwk) return `The key ${id} was published twice, each time another.`;
  if (known !== undefined) return undefined;
  const stored = uuid.test(id) ? await anyVerificationKey(session, id) : undefined;
  const same = stored !== undefined && JSON.stringify(JSON.parse(stored.publicJwk)) === jwk;
  return same ? undefined : `The key ${id} of the log is another than the one that was published.`;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Compares with single seals whose hashes were kept elsewhere. */
async function compareWithHashes(
  session: Session,
  published: readonly { readonly number: number; readonly hash: string }[],
): Promise<Compared> {
  const sorted = [...published].sort((a, b) => a.number - b.number);
  for (const [seals, { number, hash }] of sorted.entries()) {
    const stored = await sealNumbered(session, number);
    const sentence =
      stored === undefined
        ? `Seal ${number} was published and is no longer in the log: it was cut off at the end.`
        : sealHash(stored.content) === hash
          ? undefined
          : `Seal ${number} is another than the one that was published: it was replaced.`;
    if (sentence !== undefined) return { seals, last: number, finding: { seal: number, sentence } };
  }
  return { seals: sorted.length, last: sorted.at(-1)?.number ?? 0, finding: undefined };
}

export interface Published {
  /** The file to which this installation publishes, if it does. */
  readonly folder?: string | undefined;
  /** A copy that was kept elsewhere. */
  readonly path?: string | undefined;
  readonly hashes?: readonly { readonly number: number; readonly hash: string }[];
}

/** Compares with everything that is named or configured; undefined where that is nothing. */
export async function comparePublished(
  session: Session,
  tenant: Tenant,
  { folder = '', path, hashes = [] }: Published,
): Promise<Compared | undefined> {
  const own = tenant.settings.sealFolder ?? folder;
  const file = path ?? (own === '' ? undefined : sealFile(own, tenant.name));
  const found: Compared[] = [];
  if (file !== undefined && (path !== undefined || existsSync(file))) {
    found.push(await compareWithFile(session, tenant, file).catch(unreadable));
  }
  if (hashes.length > 0) found.push(await compareWithHashes(session, hashes));
  return found.find(({ finding }) => finding !== undefined) ?? found[0];
}

function unreadable(error: NodeJS.ErrnoException): never {
  if (error.code === undefined || error.syscall === undefined) throw error;
  throw outcomeError('invalid', `The published file cannot be read (${error.code}).`);
}
