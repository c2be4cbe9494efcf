/** The end of an import: its state, its event, and its files gone. */
import { keptFigures, thing } from '../audit/security.ts';
import { announceWithin } from '../interactions/announce.ts';
import type { Context } from '../request.ts';
import { endImport, readImport } from '../store/imports.ts';
import { analyzeIndex, worthAnalyzing } from '../store/reindex.ts';
import { removeSources } from './sources.ts';

/** @param error why it failed; undefined where it is complete */
export async function endOf(context: Context, id: string, error: string | undefined): Promise<void> {
  const { server, tenant, caller } = context;
  const stored = await server.database.transaction(tenant.id, async (session) => {
    if (!(await endImport(session, id, error))) return 0;
    const made = await readImport(session, id);
    const counts = Object.entries(made?.counts ?? {});
    const { subject, client, roles, fhirUser } = caller;
    await announceWithin(session, {
      kind: 'import-finished',
      deed: '$import',
      agent: { subject, client, roles: [...roles], ...(fhirUser !== undefined && { fhirUser }) },
      ...(error !== undefined && { outcome: 8, reason: 'The import failed.' }),
      further: [
        thing('process', `import ${id}`),
        ...counts.map(([type, count]) => keptFigures(type, count)),
        keptFigures('refused', made?.refused ?? 0),
      ],
    });
    return counts.reduce((sum, [, count]) => sum + count, 0);
  });
  if (stored >= worthAnalyzing) await analyzeIndex(server.database);
  await removeSources(context, id);
}
