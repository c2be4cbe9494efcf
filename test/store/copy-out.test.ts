/** Rows of COPY as blocks: from bytes cut anywhere, and from PostgreSQL itself over either kind of socket. */
import { expect, test } from '@jest/globals';
import { copyOptions } from '../../src/store/copy-out.ts';
import { CopyRows, type CopiedBlock } from '../../src/store/copy-rows.ts';
import { openDatabase, type Database } from '../../src/store/pool.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase } from '../server.ts';

const message = (letter: string, content: string): Buffer => {
  const body = Buffer.from(content);
  const bytes = Buffer.alloc(5 + body.length);
  bytes.write(letter, 0, 'latin1');
  bytes.writeUInt32BE(body.length + 4, 1);
  body.copy(bytes, 5);
  return bytes;
};

interface Heard {
  text: string;
  count: number;
  keys: string[];
  others: string;
}

/** Chunks of the same memory, as a socket gives them. */
function hear(chunks: readonly Buffer[], memory = Buffer.alloc(1_048_576)): Heard {
  const heard: Heard = { text: '', count: 0, keys: [], others: '' };
  const rows: CopyRows = new CopyRows({
    block: (block) => {
      heard.text += block.bytes.toString();
      heard.count += block.count;
      heard.keys.push(block.key);
      rows.reuse(block);
    },
    message: (bytes) => (heard.others += bytes.toString('latin1', 0, 1)),
  });
  for (const chunk of chunks) {
    chunk.copy(memory);
    rows.take(memory.subarray(0, chunk.length));
    memory.fill(0x7a);
  }
  rows.flush();
  return heard;
}

const answer = Buffer.concat([
  message('H', '\0\0\x02\0\0\0\0'),
  message('d', 'first\x02{"a":"é"}\n'),
  message('N', 'a notice'),
  message('d', '2\x02\n'),
  message('d', 'third\x02{}\n'),
  message('c', ''),
  message('C', 'COPY 3\0'),
  message('Z', 'I'),
]);
const said = { text: '{"a":"é"}\n\n{}\n', count: 3, keys: ['third'], others: 'HNcCZ' };

test('rows and other messages are found wherever the bytes are cut', () => {
  expect(hear([answer])).toEqual(said);
  for (let cut = 1; cut < answer.length; cut++)
    expect(hear([answer.subarray(0, cut), answer.subarray(cut)])).toEqual(said);
  expect(hear([...answer].map((byte) => Buffer.of(byte)))).toEqual(said);
});

test('a row larger than a block comes whole, and those beside it', () => {
  const [small, large] = ['s'.repeat(1_000), 'l'.repeat(700_000)];
  const bytes = Buffer.concat([small, large, small].map((text, i) => message('d', `${i}\x02${text}\n`)));
  const heard = hear([bytes.subarray(0, 300_000), bytes.subarray(300_000)]);
  expect(heard).toMatchObject({ count: 3, keys: ['0', '1', '2'], others: '' });
  expect(heard.text === `${small}\n${large}\n${small}\n`).toBe(true);
});

test('a row without a key is refused', () => {
  for (const row of ['no key\n', `${'k'.repeat(129)}\x02text\n`])
    expect(() => hear([message('d', row)])).toThrow('The key of a row is too long.');
});

/** Lines of all sizes, more of them than wait at a time. */
const many = (rows: number): string =>
  `copy (select n, n || repeat('x', (n * 37) % 4000) from generate_series(1, ${rows}) n) to stdout ${copyOptions}`;

function expectedLines(rows: number): string[] {
  return Array.from({ length: rows }, (_, i) => `${i + 1}${'x'.repeat(((i + 1) * 37) % 4_000)}`);
}

async function linesOf(blocks: AsyncGenerator<CopiedBlock>, slowly: boolean): Promise<string[]> {
  let text = '';
  for await (const { bytes } of blocks) {
    text += bytes.toString();
    if (slowly) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return text.split('\n').slice(0, -1);
}

async function copiesOf(database: Database, tenant: number): Promise<void> {
  for (const slowly of [true, false, true]) {
    const lines = await linesOf(database.copy(tenant, many(5_000)), slowly);
    expect(lines.length).toBe(5_000);
    expect(lines.join() === expectedLines(5_000).join()).toBe(true);
    // The same connection answers questions again, also large ones.
    const [row] = await database.query<{ text: string }>(tenant, sql`select repeat('é', 400000) as text`);
    expect(row?.text === 'é'.repeat(400_000)).toBe(true);
  }
  const broken = `copy (select n, 10 / (3000 - n) from generate_series(1, 3000) n) to stdout ${copyOptions}`;
  await expect(linesOf(database.copy(tenant, broken), false)).rejects.toThrow();
  for await (const { count } of database.copy(tenant, many(5_000))) {
    expect(count).toBeGreaterThan(0);
    break;
  }
  expect(await linesOf(database.copy(tenant, many(10)), false)).toEqual(expectedLines(10));
}

test('copies follow each other on the connections of the server, slow readers, failures and those who leave among them', async () => {
  const { tenant } = await makeLaboratory();
  await copiesOf(testDatabase(), tenant.id);
});

test('and on connections that read into one piece of memory', async () => {
  const { tenant } = await makeLaboratory();
  const database = openDatabase({ ...testDatabase().options, connections: 4, copying: true });
  try {
    await copiesOf(database, tenant.id);
  } finally {
    await database.close();
  }
});
