/** The laboratory moves: its package is verified by Node alone, loaded by an empty server, and compared resource by resource. */
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startServer } from './server.ts';
import { temporary, type World } from './world.ts';

export async function moveOut({ server, folder, tell }: World): Promise<void> {
  const packed = join(folder, 'package');
  await server.makhbar('tenant', 'package', 'demo', packed);
  const key = (await server.makhbar('keys', 'show')).trim();
  const { stdout } = await promisify(execFile)(process.execPath, [join(packed, 'verify.mjs'), '--key', key], {
    env: {},
  });
  tell(`The package of the laboratory proves itself: ${stdout.trim().split('\n').at(-1)}`, join(packed, 'index.html'));
  // The interfaces go with it, to ports that can only be one server's.
  await server.stop();
  const data = await temporary('second');
  const second = await startServer(data);
  try {
    await second.makhbar('tenant', 'create', 'moved');
    await second.makhbar('import', packed, '--tenant', 'moved');
    const copied = join(folder, 'copied');
    await second.makhbar('export', '--tenant', 'moved', '--out', copied);
    const [there, here] = [await resourcesIn(join(packed, 'resources')), await resourcesIn(copied)];
    assert.ok(there.size > 500, `The package has ${there.size} resources.`);
    assert.deepEqual([...here.keys()].sort(), [...there.keys()].sort());
    const different = [...there].filter(([name, text]) => here.get(name) !== text);
    assert.deepEqual(
      different.map(([name]) => name),
      [],
    );
    tell(`An empty second server loaded it: ${there.size} resources, each the same to the last digit.`);
  } finally {
    await second.stop();
    await rm(data, { recursive: true, force: true });
  }
}

/** The texts of all resources by Type/id, without what each server counts for itself. */
async function resourcesIn(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ndjson'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
  return new Map(
    lines.map((line) => {
      const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
      return [
        `${resourceType}/${id}`,
        line.replace(/"versionId": ?"\d+",? ?/, '').replace(/"lastUpdated": ?"[^"]+",? ?/, ''),
      ];
    }),
  );
}
