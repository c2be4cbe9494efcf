/** The starter catalogue in a laboratory: loaded once, kept as the laboratory changes it, replaced version by version. */
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { found, load } from './laboratory.ts';

const put = (lab: Laboratory, resource: JsonObject): Promise<Response> =>
  lab.fetch(`${String(resource['resourceType'])}/${String(resource['id'])}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(resource),
  });

describe('loading the catalogue', () => {
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
  });
});
