/**
 * Deletes exports whose time is over or whose files may tell of somebody who was erased since, and files that no export
 * names: left by a step that was under way when its export was cancelled, or by an erasure. What imports told goes after a
 * month. Nothing goes while a legal hold keeps it.
 */
import { thing } from '../audit/security.ts';
import { removeFiles } from '../exporting/files.ts';
import { announceWithin } from '../interactions/announce.ts';
import { binaryFiles } from '../interactions/binary-files.ts';
import { listOldImports, removeImport } from '../store/imports.ts';
import { readInForce } from '../retention/plan.ts';
import { knownExports, listExpiredExports, removeExport } from '../store/exports.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

const most = 20;
/** Days for which the outcome of an import is told. */
const importDays = 30;

export async function expireExports({ server }: JobContext, run: Run): Promise<Step> {
  const { tenant, session } = run;
  const place = { server, tenant };
  const { everything, held } = await readInForce(session);
  if (everything || held.has('exports')) return { done: run.job.done };
  const expired = await listExpiredExports(session, most);
  for (const id of expired) {
    await removeFiles(place, id);
    await server.database.transaction(tenant.id, async (inside) => {
      await removeExport(inside, id);
      const agent = { subject: 'makhbar', client: 'makhbar' };
      const further = [thing('process', `export ${id}`)];
      await announceWithin(inside, { kind: 'export-removed', deed: 'expire-exports', agent, further });
    });
  }
  for (const id of await listOldImports(session, importDays, most)) {
    await server.database.transaction(tenant.id, (inside) => removeImport(inside, id));
  }
  const done = run.job.done + expired.length;
  if (expired.length === most) return more(run, {}, { done });
  await sweep(run, place);
  return { done };
}

async function sweep({ session }: Run, place: Parameters<typeof binaryFiles>[0]): Promise<void> {
  const ids = new Set<string>();
  for await (const { key } of binaryFiles(place).list('export/')) ids.add(key.split('/')[1] ?? '');
  const known = await knownExports(session, [...ids]);
  for (const id of ids) if (!known.has(id)) await removeFiles(place, id);
}
