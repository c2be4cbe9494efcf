/** Milliseconds from a token to the decision, with 30 permits that have filters and with one that has none. */
import { readConfig } from '../src/config.ts';
import { authorise } from '../src/access/decide.ts';
import { accessOf, grantingFor } from '../src/interactions/access.ts';
import { makeAuthenticate } from '../src/identity/caller.ts';
import { createLog } from '../src/log.ts';
import type { Context } from '../src/request.ts';
import { door } from '../src/serve.ts';
import { shared } from '../src/start/http.ts';
import { openDatabase } from '../src/store/pool.ts';
import { makeTenantCache } from '../src/store/tenant-cache.ts';
import { filteredBench } from './access-lines.ts';
import type { Bench } from './lines.ts';
import { median } from './measure.ts';
import type { Figure } from './report.ts';

const times = 5_000;

export async function measureAccess(bench: Bench): Promise<Figure[]> {
  const filtered = await filteredBench(bench);
  const database = openDatabase({ url: bench.ownUrl, connections: 2, statementTimeout: 60_000 });
  try {
    const server = shared(readConfig({ DATA_DIR: bench.dataDir }), database, createLog('silent'));
    const tenant = await makeTenantCache(database).find('demo');
    if (tenant === undefined) throw new Error('The data set is in the laboratory demo.');
    const root = `http://127.0.0.1:${bench.port}/demo`;
    const authenticate = makeAuthenticate(database);
    const decided = async (token: string): Promise<number> => {
      const started = performance.now();
      const caller = await authenticate(tenant, root, token);
      const context = { server, tenant, caller, base: `${root}/fhir`, requestId: 'bench', door } as unknown as Context;
      authorise(grantingFor(context), 'search-type', { type: 'Observation', operation: '', member: '' });
      accessOf(context)('Observation');
      return performance.now() - started;
    };
    return [
      figure(
        'access',
        'token verified and access decided, 30 permits with filters',
        await medianOf(decided, filtered.token),
      ),
      figure(
        'access-plain',
        'token verified and access decided, without conditions',
        await medianOf(decided, bench.token),
      ),
    ];
  } finally {
    await database.close();
  }
}

async function medianOf(decided: (token: string) => Promise<number>, token: string): Promise<number> {
  const measured: number[] = [];
  for (let n = 0; n < times; n++) measured.push(await decided(token));
  return median(measured);
}

function figure(name: string, title: string, value: number): Figure {
  return { name, title, value, unit: 'ms (p50)', goal: '≤ 0.3 ms', met: value <= 0.3 };
}
