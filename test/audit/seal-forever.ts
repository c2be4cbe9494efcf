/** A process that seals the events of a laboratory, until it is killed. */
import { signingKeyOf } from '../../src/identity/token.ts';
import { readConfig } from '../../src/config.ts';
import { sealNext } from '../../src/sealing/sealer.ts';
import { openDatabase } from '../../src/store/pool.ts';
import type { Tenant } from '../../src/store/tenants.ts';

const [, , url = '', dataDir = '', id = '', name = ''] = process.argv;
const database = openDatabase({ url, connections: 2, statementTimeout: 30_000 });
const tenant: Tenant = { id: Number(id), name, title: '', status: 'active', settings: {}, created: '' };
const keyEncryptionKey = readConfig({ DATA_DIR: dataDir }).keyEncryptionKey();
const sealing = {
  database,
  signingKey: (of: Tenant) => signingKeyOf({ database, keyEncryptionKey }, of),
  now: Date.now,
};
process.stdout.write('.');
for (;;) await sealNext(sealing, tenant);
