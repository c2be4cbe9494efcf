/** The starter catalogue in a laboratory: loaded once, kept as the laboratory changes it, replaced version by version. */
import { execFile } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';
import { found, load } from './laboratory.ts';

const put = (lab: Laboratory, resource: JsonObject): Promise<Response> =>
  lab.fetch(`${String(resource['resourceType'])}/${String(resource['id'])}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(resource),
  });

const command = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

function makhbar(...args: readonly string[]): Promise<{ code: unknown; out: string; err: string }> {
  const { databaseUrl, dataDir } = testServer();
  const env = { ...process.env, DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return new Promise((resolve) => {
    execFile(process.execPath, [command, 'catalogue', 'load', ...args], { env }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
  });
}

describe('loading the catalogue', () => {
  test('by the command line', async () => {
    const lab = await makeLaboratory();
    const first = await makhbar('--tenant', lab.tenant.name, '--json');
    expect([first.code, JSON.parse(first.out)]).toEqual([0, expect.objectContaining({ retired: 0, unchanged: 0 })]);
    expect(await found(lab, 'ActivityDefinition?identifier=http://loinc.org|718-7')).toHaveLength(1);
    const nowhere = await makhbar('--tenant', 'nowhere');
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining('no laboratory named "nowhere"')]);
  }, 120_000);

  test('adds it once, leaves what the laboratory changed, and retires what it replaces', async () => {
    const lab = await makeLaboratory();
    const first = await load(lab);
    expect(first).toMatchObject({ retired: 0, unchanged: 0 });
    expect(first.added).toBeGreaterThan(500);

    const [sodium] = await found(lab, 'ActivityDefinition?url=urn:makhbar:catalogue:test:sodium');
    expect((await put(lab, { ...sodium, usage: 'Only on ice' })).status).toBe(200);
    const old = { ...sodium, id: 'sodium-0123abcd', version: '0123abcd' };
    const own = { ...sodium, id: 'sodium-ours', version: '1' };
    expect((await put(lab, old)).status).toBe(201);
    expect((await put(lab, own)).status).toBe(201);
    expect(await load(lab)).toEqual({ added: 0, retired: 0, unchanged: first.added });

    const [chloride] = await found(lab, 'ActivityDefinition?url=urn:makhbar:catalogue:test:chloride');
    expect((await lab.fetch(`ActivityDefinition/${String(chloride?.['id'])}`, { method: 'DELETE' })).status).toBe(204);
    expect(await load(lab)).toEqual({ added: 1, retired: 1, unchanged: first.added - 1 });
    const versions = await found(lab, 'ActivityDefinition?url=urn:makhbar:catalogue:test:sodium');
    expect(Object.fromEntries(versions.map(({ id, status, usage }) => [id, [status, usage]]))).toEqual({
      [String(sodium?.['id'])]: ['active', 'Only on ice'],
      'sodium-0123abcd': ['retired', undefined],
      'sodium-ours': ['active', undefined],
    });

    const events = await found(lab, 'AuditEvent?_sort=date&_count=50');
    const loads = events.filter((one) => JSON.stringify(one).includes('makhbar catalogue load'));
    expect(loads).toHaveLength(3);
  }, 120_000);
});
