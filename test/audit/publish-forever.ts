/** A process that publishes the seals of a laboratory to a file again and again, until it is killed. */
import { rm } from 'node:fs/promises';
import { publishToFile } from '../../src/publishing/publish-file.ts';
import { openDatabase } from '../../src/store/pool.ts';

const [, , url = '', folder = '', id = '', name = ''] = process.argv;
const database = openDatabase({ url, connections: 2, statementTimeout: 30_000 });
const tenant = { id: Number(id), name, title: '', status: 'active' as const, settings: {}, created: '' };
for (;;) {
  await rm(`${folder}/${name}.jsonl`, { force: true });
  await publishToFile({ database, folder, written: new Set() }, tenant);
  process.stdout.write('.');
}
