/** Every step with a data-subject request leaves exactly one event of its own, refusals too; what it does besides has its own. */
import { beforeAll, expect, test } from '@jest/globals';
import { eventsOf } from '../audit/log.ts';
import { headers, officer, parameters, put, type Json } from '../erasure/laboratory.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { accepted, file, type Values } from './asking.ts';

let lab: Laboratory;
let dpo: Laboratory;
let nobody: Laboratory;
let filed: Json;
let access: Json;
let restriction: Json;
let number = 0;

beforeAll(async () => {
  lab = await makeLaboratory();
  dpo = await officer(lab.tenant, 0, 'user/*.rs manage/privacy');
  nobody = await signIn(lab.tenant, 'system/*.cruds', 'nobody');
  for (const id of ['p', 'q']) await put(lab, { resourceType: 'Patient', id });
  filed = await file(dpo, { type: 'access', patient: 'Patient/p' });
  access = await accepted(dpo, { type: 'access' });
  restriction = await accepted(dpo, { type: 'restriction', patient: 'Patient/q' });
}, 60_000);

type Row = [name: string, by: () => Laboratory, path: () => string, values: Values, status: number, kinds: string[]];

const stepOf = (task: () => Json) => (): string => `Task/${String(task()['id'])}/$data-subject-step`;
const request = (): string => '$data-subject-request';

const rows: Row[] = [
  ['filing', () => dpo, request, { type: 'access', patient: 'Patient/p' }, 201, ['data-subject-request']],
  ['filing without a type', () => dpo, request, {}, 400, ['data-subject-request']],
  ['filing without the right', () => nobody, request, { type: 'access' }, 403, ['access-denied']],
  ['a step', () => dpo, stepOf(() => filed), { step: 'acknowledge' }, 200, ['data-subject-step']],
  ['a step that is not possible', () => dpo, stepOf(() => filed), { step: 'complete' }, 422, ['data-subject-step']],
  ['a step without the right', () => nobody, stepOf(() => filed), { step: 'cancel' }, 403, ['access-denied']],
  [
    'carrying out a restriction',
    () => dpo,
    stepOf(() => restriction),
    { step: 'carry-out' },
    200,
    ['data-subject-step', 'processing-restricted'],
  ],
  [
    'carrying out access: two files, what they are of, and the step',
    () => dpo,
    stepOf(() => access),
    { step: 'carry-out' },
    200,
    ['create', 'create', 'data-subject-step', 'operation', 'read'],
  ],
];

test.each(rows)('%s', async (_name, by, path, values, status, kinds) => {
  const requestId = `privacy-${++number}`;
  const answer = await by().fetch(path(), {
    method: 'POST',
    headers: { ...headers, 'x-request-id': requestId },
    body: JSON.stringify(parameters(values)),
  });
  await answer.arrayBuffer();
  const events = await eventsOf(lab, requestId);
  expect([answer.status, events.map(({ kind }) => kind).sort()]).toEqual([status, kinds]);
  const own = events.find(({ kind }) => kind.startsWith('data-subject'));
  if (status >= 400 || own === undefined) return;
  expect(own).toMatchObject({ outcome: 0, agent: { subject: 'officer' }, patients: [expect.stringMatching(/^[pq]$/)] });
  expect(own.touched.some(({ type }) => type === 'Task')).toBe(true);
});
