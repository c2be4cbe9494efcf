/** `makhbar catalogue load`: the starter catalogue into a laboratory. */
import { userInfo } from 'node:os';
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { createLog } from '../log.ts';
import { loadCatalogue } from '../start/catalogue.ts';
import { shared } from '../start/http.ts';
import { makeTenantCache } from '../store/tenant-cache.ts';
import { print, withDatabase, type Output } from './connect.ts';

export async function loadCatalogueCommand(options: Output & { tenant: string }): Promise<void> {
  const loaded = await withDatabase(async (database, config) => {
    const tenant = await makeTenantCache(database).find(options.tenant);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${options.tenant}".`);
    return loadCatalogue(shared(config, database, createLog('silent')), tenant, {
      kind: 'settings-changed',
      deed: 'makhbar catalogue load',
      agent: { subject: 'operator', client: 'makhbar', name: userInfo().username },
      further: [thing('setting', 'catalogue')],
    });
  });
  const { added, retired, unchanged } = loaded;
  print(options, loaded, `${added} definitions added, ${retired} older versions retired, ${unchanged} were there.`);
}
