/**
 * Brings the published file of a laboratory up to date. Any number of processes may try, on one folder or each on its own:
 * one does it at a time, and each file has every seal.
 */
import type { PublishedKey, PublishedSeal } from '../audit/published.ts';
import { beginPublishing, nextSeals, sealNumbered } from '../store/audit-publications.ts';
import type { Database, Session } from '../store/pool.ts';
import { anyVerificationKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';
import { addToFile, reachedIn, sealFile, type Reached } from './seal-file.ts';

/** Seals added at a time: some 350 KB. */
const most = 500;

export interface FilePublishing {
  readonly database: Database;
  readonly folder: string;
  /** Ids of the keys that this process has written into which file: once is enough. */
  readonly written: Set<string>;
}

/**
 * Adds what is missing; gives how many seals that were.
 * @throws Error where what was published is no longer in the log: then nothing is added, and verifying says where.
 */
export async function publishToFile(publishing: FilePublishing, tenant: Tenant): Promise<number> {
  let added = 0;
  for (;;) {
    const count = await publishing.database.transaction(tenant.id, (session) => addNext(publishing, tenant, session));
    added += count;
    if (count < most) return added;
  }
}

async function addNext({ folder, written }: FilePublishing, tenant: Tenant, session: Session): Promise<number> {
  if (!(await beginPublishing(session))) return 0;
  const path = sealFile(folder, tenant.name);
  const reached = await reachedIn(path);
  await checkFollows(session, reached);
  const seals = await nextSeals(session, reached.number, most);
  if (seals.length === 0) return 0;
  const keys = await keysOf(session, seals, (id) => !written.has(`${path} ${id}`));
  await addToFile(path, reached, { laboratory: tenant.name, keys, seals });
  keys.forEach(({ id }) => written.add(`${path} ${id}`));
  return seals.length;
}

async function checkFollows(session: Session, { number, content }: Reached): Promise<void> {
  if (number === 0) return;
  const stored = await sealNumbered(session, number);
  if (stored?.content === content) return;
  const what = stored === undefined ? 'is no longer in the log' : 'is another in the log';
  throw new Error(`Seal ${number} was published and ${what}; makhbar audit verify --published tells more.`);
}

/** The keys of these seals, each once. */
export async function keysOf(
  session: Session,
  seals: readonly PublishedSeal[],
  wanted: (id: string) => boolean = () => true,
): Promise<PublishedKey[]> {
  const ids = [...new Set(seals.map(({ keyId }) => keyId))].filter(wanted);
  const keys: PublishedKey[] = [];
  for (const id of ids) {
    const key = await anyVerificationKey(session, id);
    if (key !== undefined) keys.push({ id, jwk: key.publicJwk });
  }
  return keys;
}
