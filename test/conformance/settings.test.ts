/** What a laboratory may choose changes what its CapabilityStatement claims, and the server keeps to the one it gave. */
import { describe, expect, test } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { judge, type Verdict } from '../../conformance/judge.ts';
import { sections } from '../../conformance/sections.ts';
import { makeLaboratory } from '../server.ts';

type Settings = NonNullable<Parameters<typeof makeLaboratory>[0]>['settings'];

async function clientWith(settings: NonNullable<Settings>): Promise<Client> {
  const { base, token } = await makeLaboratory({ settings });
  return connect(base, token);
}

async function claimsOf(client: Client): Promise<Record<string, unknown>> {
  const { json } = await client.send('GET', 'metadata');
  return json.rest[0].resource.find((one: { type: string }) => one.type === 'Patient');
}

const described = ({ title, result, reason }: Verdict): string => `${result} ${title} — ${reason}`;

describe('ids by the server only, several deletes at once, references that must exist', () => {
  test('the statement says so', async () => {
    const client = await clientWith({ clientIds: false, multipleDelete: true, referentialIntegrity: true });
    expect(await claimsOf(client)).toMatchObject({ updateCreate: false, conditionalDelete: 'multiple' });
  });

  test('the suite passes, and skips only what is not claimed any more', async () => {
    const client = await clientWith({ clientIds: false, multipleDelete: true, referentialIntegrity: true });
    const { verdicts, remained } = await judge(client, sections);
    const wrong = verdicts.filter(
      (verdict) => verdict.result !== 'pass' && !/updateCreate|asynchronous/.test(verdict.reason),
    );
    expect(wrong.map(described)).toEqual([]);
    expect(remained).toBe(0);
  }, 120_000);

  test('PUT to an id that does not exist is refused with 405 and makes nothing', async () => {
    const client = await clientWith({ clientIds: false });
    const answer = await client.send('PUT', 'Patient/mine', { body: { resourceType: 'Patient', id: 'mine' } });
    expect([answer.status, answer.json.resourceType]).toEqual([405, 'OperationOutcome']);
    expect((await client.send('GET', 'Patient/mine')).status).toBe(404);
  });

  test('a reference to what does not exist is refused, also inside a transaction', async () => {
    const client = await clientWith({ referentialIntegrity: true });
    const body = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/nobody' },
    };
    const request = { method: 'POST', url: 'Observation' };
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [{ resource: body, request }] };
    for (const answer of [
      await client.send('POST', 'Observation', { body }),
      await client.send('POST', '', { body: bundle }),
    ]) {
      expect([answer.status >= 400 && answer.status < 500, answer.text.includes('Patient/nobody')]).toEqual([
        true,
        true,
      ]);
    }
  });

  test('what others refer to is not deleted: 409', async () => {
    const client = await clientWith({ referentialIntegrity: true });
    const made = await client.send('POST', 'Patient', { body: { resourceType: 'Patient' } });
    const subject = { reference: `Patient/${made.json.id}` };
    const body = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject };
    const seen = await client.send('POST', 'Observation', { body });
    expect((await client.send('DELETE', `Patient/${made.json.id}`)).status).toBe(409);
    expect((await client.send('DELETE', `Observation/${seen.json.id}`)).status).toBe(204);
    expect((await client.send('DELETE', `Patient/${made.json.id}`)).status).toBe(204);
  });
});

describe('updates must name the version they replace', () => {
  test('the statement says versioned-update', async () => {
    expect(await claimsOf(await clientWith({ requireIfMatch: true }))).toMatchObject({
      versioning: 'versioned-update',
    });
  });

  test('an update or patch without If-Match is refused with 400, with it done', async () => {
    const client = await clientWith({ requireIfMatch: true });
    const { json: made } = await client.send('POST', 'Patient', { body: { resourceType: 'Patient' } });
    const name = `Patient/${made.id}`;
    const patch = {
      body: [{ op: 'add', path: '/active', value: true }],
      headers: { 'content-type': 'application/json-patch+json' },
    };
    expect((await client.send('PUT', name, { body: made })).status).toBe(400);
    expect((await client.send('PATCH', name, patch)).status).toBe(400);
    const request = { method: 'PUT', url: name };
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [{ resource: made, request }] };
    expect((await client.send('POST', '', { body: bundle })).status).toBe(400);
    expect((await client.send('GET', name)).json.meta.versionId).toBe('1');
    const headers = { 'if-match': 'W/"1"' };
    expect((await client.send('PUT', name, { body: { ...made, active: false }, headers })).status).toBe(200);
  });
});
