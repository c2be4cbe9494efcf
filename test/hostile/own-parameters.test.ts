/**
 * A laboratory's own SearchParameters whose expressions fail, explode or take their time on some resources: they are
 * refused; or resources are stored all the same, or refused with a sentence that names the cause; all of it in time.
 */
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { wrongWith } from './verdict.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token, 100_000);
});

const expressions = [
  'Patient.name.family',
  "Patient.name.family.replaceMatches('(x+x+)+y', 'z')",
  "Patient.name.where(family.matches('(a+)+$'))",
  'Patient.name.family.substring(1)',
  'Patient.name.single().family',
  'Patient.descendants().descendants().descendants()',
  `Patient${'.select($this | $this)'.repeat(20)}`,
  'Patient.repeat($this)',
  'Patient.name.aggregate($total + 1, 0).toString()',
  `Patient.name.where(${'('.repeat(3_000)}true${')'.repeat(3_000)})`,
  '%resource.name.family',
  'Patient.name.family.foo',
  '',
  "Patient.name.family & 'x'",
  '1 / 0',
  'Patient.birthDate + 1 month',
];

const patients = [
  { name: [{ family: 'One' }, { family: 'Two' }] },
  { name: [{ family: 'a'.repeat(5_000) }, { family: `${'x'.repeat(5_000)}` }] },
  { name: Array.from({ length: 300 }, (_, i) => ({ family: `f${i}`, given: ['a'] })), birthDate: '2000' },
  {},
];

test.each(expressions.map((expression, i) => [expression.slice(0, 60), expression, i] as const))(
  'SearchParameter.expression %s is taken or refused with a sentence',
  async (_, expression, i) => {
    const code = `own-${i}`;
    const parameter = { resourceType: 'SearchParameter', id: code, url: `http://example.org/${code}`, name: `Own${i}` };
    const body = {
      ...parameter,
      status: 'active',
      description: 'x',
      code,
      base: ['Patient'],
      type: 'string',
      expression,
    };
    expect(wrongWith(await client.send('PUT', `SearchParameter/${code}`, { body }))).toBe('');
  },
);

test('with all that were taken, resources are stored or refused for that cause, in time, and the others are not touched', async () => {
  for (let round = 0; round < 6; round++) {
    for (const more of patients) {
      const started = performance.now();
      const answer = await client.send('POST', 'Patient', { body: { resourceType: 'Patient', ...more } });
      expect([201, 422]).toContain(answer.status);
      if (answer.status === 422) expect(answer.text).toContain('search parameter of this laboratory');
      expect(performance.now() - started).toBeLessThan(60_000);
    }
    const other = { resourceType: 'Organization', name: 'Other' };
    expect((await client.send('POST', 'Organization', { body: other })).status).toBe(201);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
});
