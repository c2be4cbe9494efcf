/** One round of deletions in a process of its own, to be killed. */
import { readConfig } from '../../src/config.ts';
import { deleteDue } from '../../src/departing/due.ts';
import { createLog } from '../../src/log.ts';
import { shared } from '../../src/start/http.ts';
import { openDatabase } from '../../src/store/pool.ts';

const config = readConfig(process.env);
const database = openDatabase({ url: String(config.databaseUrl), connections: 4, statementTimeout: 60_000 });
const log = createLog('silent');
await deleteDue(shared(config, database, log), log);
process.exit(0);
