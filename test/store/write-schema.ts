/** `npm run schema`: writes migrations/schema.txt, the schema that the migrations make. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createLog } from '../../src/log.ts';
import { startEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { describeSchema } from '../../src/store/schema.ts';

const dataDir = await mkdtemp(join(tmpdir(), 'makhbar-schema-'));
await chmod(dataDir, 0o711);
const log = createLog('warn');
const embedded = await startEmbedded({ dataDir, log });
try {
  await migrate(embedded.url, log);
  const client = new Client(embedded.url);
  await client.connect();
  await writeFile(new URL('../../migrations/schema.txt', import.meta.url), await describeSchema(client));
  await client.end();
} finally {
  await embedded.stop();
  await rm(dataDir, { recursive: true, force: true });
}
