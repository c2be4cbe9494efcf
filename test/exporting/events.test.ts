/** Every deed about an export has one event, and the right one. */
import { expect, test } from '@jest/globals';
import { auditEventText } from '../../src/audit/event.ts';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { eventsOf } from '../audit/log.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { asynchronous, ended, pathOf, patient, write, type Manifest } from './asking.ts';

let number = 0;

async function ask(
  lab: Laboratory,
  path: string,
  init: RequestInit = {},
): Promise<{ answer: Response; events: unknown[] }> {
  const requestId = `export-${++number}`;
  const headers = { ...asynchronous, ...(init.headers as Record<string, string>), 'x-request-id': requestId };
  const answer = await lab.fetch(path, { ...init, headers });
  const events = await eventsOf(lab, requestId);
  return {
    answer,
    events: events.map(({ kind, deed, outcome, reason }) => [kind, deed, outcome, reason?.slice(0, 3)]),
  };
}

test('from asking to deleting', async () => {
  const lab = await makeLaboratory();
  await write(lab, [patient('a'), patient('b')]);
  const begun = await ask(lab, '$export?_type=Patient');
  expect(begun.events).toEqual([['export-requested', '$export', 0, undefined]]);
  const status = begun.answer.headers.get('content-location') ?? '';
  const manifest = (await (await ended(lab, status)).json()) as Manifest;
  const [file] = manifest.output;
  const told = await ask(lab, pathOf(lab, status));
  expect(told.events).toEqual([['operation', '$export-status', 0, undefined]]);
  const fetched = await ask(lab, pathOf(lab, file?.url ?? ''));
  await fetched.answer.arrayBuffer();
  expect(fetched.events).toEqual([['export-read', '$export-file', 0, undefined]]);
  const other = await signIn(lab.tenant, 'system/*.cruds', 'other');
  const strange = await ask(other, pathOf(lab, file?.url ?? ''));
  expect(strange.events).toEqual([['export-read', '$export-file', 4, '404']]);
  const removed = await ask(lab, pathOf(lab, status), { method: 'DELETE' });
  expect(removed.events).toEqual([['export-removed', '$export-status', 0, undefined]]);
  const refused = await ask(lab, '$export?_foo=1');
  expect(refused.events).toEqual([['export-requested', '$export', 4, '400']]);
  const nobody = await signIn(lab.tenant, 'system/Patient.c', 'nobody');
  const denied = await ask(nobody, '$export');
  expect([denied.answer.status, denied.events]).toEqual([403, [['access-denied', '$export', 8, '403']]]);

  const finished = (await eventsOf(lab)).filter(({ kind }) => kind === 'export-finished');
  expect(finished).toHaveLength(1);
  expect(finished[0]).toMatchObject({ outcome: 0, agent: { subject: 'operator' } });
  expect(JSON.stringify(finished[0]?.further)).toContain('"Patient"');
  for (const event of finished) {
    const resource = parseJson(auditEventText(event, { observer: 'demo' })) as JsonObject;
    const issues = validateResource(resource, { profiles: ['urn:makhbar:profile:audit-event-bulk'] });
    expect(issues.filter(({ severity }) => severity === 'error')).toEqual([]);
  }
}, 60_000);
