/** `_explain`: what a search ran, for the operator only. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { ask, concept, observation, patient, sentence, store, type Json } from './store.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  await store(lab, [
    patient('p', { name: [{ family: 'Secretname' }] }),
    observation('o', 'Patient/p', { code: concept('a') }),
  ]);
});

interface Statement {
  sql: string;
  values: string;
  rows: number;
  milliseconds: number;
  plan: string;
}

function statements(parameters: Json): Statement[] {
  return (parameters['parameter'] as { name: string; part: Json[] }[])
    .filter(({ name }) => name === 'statement')
    .map(
      ({ part }) =>
        Object.fromEntries(
          part.map(({ name, ...value }) => [name as string, Object.values(value)[0]]),
        ) as unknown as Statement,
    );
}

function queryOf(parameters: Json): Json {
  const [{ valueString }] = parameters['parameter'] as [{ valueString: string }];
  return JSON.parse(valueString) as Json;
}

const searches = [
  'Observation?patient=p&code=http://loinc.org|a&',
  'Observation?value-quantity=5.4||mmol/L&_total=accurate&',
  'Observation?patient.name=sec&_include=Observation:subject&_sort=-date&',
  'Patient?_has:Observation:patient:code=a&',
  'Patient/p/*?',
  'Patient/p/Observation?',
  '?_type=Patient,Observation&',
  'Observation/$lastn?patient=p&code=a&',
];

describe('the operator', () => {
  test.each(searches)('%s', async (search) => {
    const { status, json } = await ask(lab, `${search}_explain=true`);
    expect([status, json['resourceType']]).toEqual([200, 'Parameters']);
    expect(queryOf(json)).toHaveProperty('condition');
    const ran = statements(json);
    expect(ran.length).toBeGreaterThan(0);
    for (const { sql, values, plan } of ran) {
      expect(sql).toContain('tenant_id = $');
      expect(values.split(', ')).toHaveLength(new Set(sql.match(/\$\d+/g)).size);
      const [{ Plan: root }] = JSON.parse(plan) as [{ Plan: Json }];
      expect(root).toHaveProperty('Node Type');
      expect(root).not.toHaveProperty('Actual Rows');
    }
  });

  test('analyze measures the steps', async () => {
    const { json } = await ask(lab, 'Observation?patient=p&_explain=analyze');
    const [first] = statements(json);
    expect(first?.rows).toBe(1);
    expect(JSON.parse(first?.plan ?? '')).toMatchObject([{ Plan: { 'Actual Rows': 1 } }]);
  });

  test('by POST _search and in a batch', async () => {
    const form = await lab.fetch('Observation/_search', {
      method: 'POST',
      body: new URLSearchParams({ patient: 'p', _explain: 'true' }),
    });
    expect(statements((await form.json()) as Json)).toHaveLength(1);
    const entry = [{ request: { method: 'GET', url: 'Observation?patient=p&_explain=true' } }];
    const { json } = await ask(lab, '', { resourceType: 'Bundle', type: 'batch', entry });
    expect(json).toMatchObject({ entry: [{ resource: { resourceType: 'Parameters' } }] });
  });

  test('false is the search itself', async () => {
    expect((await ask(lab, 'Observation?patient=p&_explain=false')).json['resourceType']).toBe('Bundle');
  });

  test('a bad search is refused as ever', async () => {
    expect((await ask(lab, 'Observation?colour=red&_explain=true')).status).toBe(400);
  });

  test.each(['verbose', '1', "true'; drop table resource; --"])('%s is refused', async (value) => {
    const answer = await ask(lab, `Observation?_explain=${encodeURIComponent(value)}`);
    expect([answer.status, sentence(answer.json)]).toEqual([400, expect.stringMatching(/true or analyze/)]);
  });
});

describe('everyone else', () => {
  const scopes = ['system/*.rs', 'user/*.cruds', 'system/Observation.cruds', 'system/*.crud system/*.s'];
  const paths = ['Observation?', '?_type=Observation&', 'Observation/$lastn?patient=p&code=a&'];

  test.each(scopes.flatMap((scope) => paths.map((path) => [scope, path])))(
    '%s gets 403 for %s',
    async (scope, path) => {
      const caller = await signIn(lab.tenant, scope);
      const answer = await ask(caller, `${path}_explain=true`);
      expect([answer.status, sentence(answer.json)]).toEqual([403, expect.stringContaining('_explain')]);
    },
  );
});
