/**
 * SearchParameters of the product and of a tenant: refused where they cannot be run, searchable when they are indexed,
 * for one tenant only. https://hl7.org/fhir/R4/searchparameter.html
 */
import { readFileSync, readdirSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { typeNumber } from '../../src/fhir/resource-types.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { usableParameters } from '../../src/interactions/own-parameters.ts';
import { productParameters } from '../../src/store/product-parameters.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { ask, found, noted, observation, parameter, send, untilSearchable } from './laboratory.ts';

const folder = new URL('../../searchparameters/', import.meta.url);

test('the store knows SearchParameter by its number', () => {
  expect(typeNumber('SearchParameter')).toBe(122);
});

describe('of the product', () => {
  test.each(readdirSync(folder))('%s is a valid SearchParameter that can be used', (name) => {
    const resource = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as JsonObject;
    expect(validateResource(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(usableParameters(productParameters).map(({ definition }) => definition.url)).toContain(resource['url']);
  });

  test('critical results are found at once in a new laboratory', async () => {
    const laboratory = await makeLaboratory();
    const interpretation = [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'HH' }] },
    ];
    await send(laboratory, 'PUT', 'Observation/high', observation('high', { interpretation }));
    await send(laboratory, 'PUT', 'Observation/plain', observation('plain'));
    expect(await found(laboratory, 'Observation?interpretation=HH')).toEqual(['high']);
  });
});

describe('refused with 422', () => {
  let laboratory: Laboratory;
  beforeAll(async () => {
    laboratory = await makeLaboratory();
  });

  const deep = `Observation.note${'.where(true)'.repeat(3_000)}.text`;
  const cases: readonly (readonly [string, JsonObject, string, RegExp])[] = [
    ['an element that does not exist', { expression: 'Observation.nota.text' }, 'expression', /"nota"/],
    ['what is no FHIRPath', { expression: 'Observation.note.(' }, 'expression', /./],
    ['a function that does not exist', { expression: 'Observation.note.explode()' }, 'expression', /explode/],
    ['nothing of the base', { expression: 'Patient.name.family' }, 'expression', /begins with Observation/],
    ['a type that does not fit', { type: 'date', expression: 'Observation.code' }, 'expression', /CodeableConcept/],
    [
      'a number made of text',
      { type: 'number', expression: 'Observation.note.text.upper()' },
      'expression',
      /String|string/i,
    ],
    ['no expression', { expression: ' ' }, 'expression', /./],
    ['a code of R4', { code: 'status' }, 'code', /R4 defines "status"/],
    ['a code of the product', { code: 'interpretation' }, 'code', /interpretation/],
    ['a code that cannot stand in a URL', { code: '_sort' }, 'code', /must begin with a letter/],
    ['a code with a modifier', { code: 'a:exact' }, 'code', /letters, digits and hyphens/],
    ['the type special', { type: 'special' }, 'type', /special/],
    ['a URL of R4 with another code', { url: 'http://hl7.org/fhir/SearchParameter/clinical-code' }, 'url', /R4/],
    ['a composite of unknown parts', composite('http://example.org/none'), 'component', /none/],
    [
      'an expression of 10,001 characters',
      { expression: `Observation.note.text${' '.repeat(10_000)}.trim()` },
      'expression',
      /longer than 10000/,
    ],
    ['a deep expression', { expression: deep.slice(0, 9_990) }, 'expression', /./],
    ['deep parentheses', { expression: `${'('.repeat(4_000)}Observation.note${')'.repeat(4_000)}` }, 'expression', /./],
  ];

  test.each(cases)('%s', async (_, more, element, sentence) => {
    const answer = await send(laboratory, 'POST', 'SearchParameter', parameter('x', more));
    expect([answer.status, answer.said]).toEqual([422, expect.stringMatching(sentence)]);
    const [issue] = answer.json['issue'] as { expression: string[] }[];
    expect(issue?.expression[0]).toMatch(
      new RegExp(`^SearchParameter\\.?${element === 'expression' ? '(expression)?' : element}`),
    );
  });

  test('but stored as a draft', async () => {
    expect(
      (await send(laboratory, 'POST', 'SearchParameter', parameter('x', { status: 'draft', code: 'status' }))).status,
    ).toBe(201);
  });

  test("a restatement of R4's is stored, and R4's answers", async () => {
    const url = 'http://hl7.org/fhir/SearchParameter/clinical-code';
    const more = { url, code: 'code', type: 'token', expression: 'Observation.code' };
    expect((await send(laboratory, 'POST', 'SearchParameter', parameter('x', more))).status).toBe(201);
    expect((await ask(laboratory, 'Observation?code=x')).status).toBe(200);
  });

  test('regular expressions and products of sets that would take for ever are bounded', async () => {
    const bombs = await makeLaboratory();
    const expression = "Observation.note.text.where(matches('^(a+)+$')).first()";
    const started = Date.now();
    const defined = await send(bombs, 'POST', 'SearchParameter', parameter('bomb', { expression }));
    const written = await send(bombs, 'PUT', 'Observation/a', observation('a', noted(`${'a'.repeat(60)}!`)));
    expect([201, 422]).toContain(defined.status);
    expect([201, 413, 422]).toContain(written.status);
    expect(Date.now() - started).toBeLessThan(120_000);
  });
});

function composite(definition: string): JsonObject {
  return {
    type: 'composite',
    expression: 'Observation',
    component: [
      { definition, expression: 'code' },
      { definition: 'http://hl7.org/fhir/SearchParameter/clinical-code', expression: 'code' },
    ],
  };
}

test('a parameter of a tenant: what was there before is found when it is indexed, in this tenant only', async () => {
  const [own, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  for (const laboratory of [own, other]) {
    await send(laboratory, 'PUT', 'Observation/before', observation('before', noted('haemolysed')));
    await send(laboratory, 'PUT', 'Observation/else', observation('else', noted('clear')));
  }
  // The same code means another thing at the other laboratory.
  expect((await send(own, 'PUT', 'SearchParameter/remark', parameter('remark'))).status).toBe(201);
  const second = parameter('remark', { type: 'token', expression: 'Observation.status' });
  expect((await send(other, 'PUT', 'SearchParameter/remark', second)).status).toBe(201);
  await send(own, 'PUT', 'Observation/after', observation('after', noted('Haemolysed again')));

  const said = await untilSearchable(own, 'Observation?remark=haemo');
  expect(said.join(' ')).toMatch(/"remark" of Observation cannot answer yet/);
  expect(await found(own, 'Observation?remark=haemo')).toEqual(['after', 'before']);
  expect(await found(own, 'Observation?remark:missing=true')).toEqual([]);
  await untilSearchable(other, 'Observation?remark=final');
  expect(await found(other, 'Observation?remark=final')).toEqual(['before', 'else']);

  const statement = (await ask(own, 'metadata')).json['rest'] as {
    resource: { type: string; searchParam: { name: string; type: string }[] }[];
  }[];
  const listed = statement[0]?.resource.find(({ type }) => type === 'Observation')?.searchParam;
  expect(listed).toContainEqual(expect.objectContaining({ name: 'remark', type: 'string' }));
  expect(listed).toContainEqual(expect.objectContaining({ name: 'interpretation' }));

  // Retired, it is no longer known; R4's keep working.
  expect((await send(own, 'PUT', 'SearchParameter/remark', parameter('remark', { status: 'retired' }))).status).toBe(
    200,
  );
  const gone = await eventually(
    () => ask(own, 'Observation?remark=x'),
    ({ status, said: text }) => status === 400 && /no search parameter/.test(text),
  );
  expect(gone.said).toMatch(/"remark" is no search parameter of Observation/);
  expect(await found(own, 'Observation?status=final')).toEqual(['after', 'before', 'else']);
});

async function eventually<T>(attempt: () => Promise<T>, holds: (result: T) => boolean): Promise<T> {
  for (const end = Date.now() + 120_000; ; await new Promise((done) => setTimeout(done, 100))) {
    const result = await attempt();
    if (holds(result) || Date.now() > end) return result;
  }
}

test('composites, chains, sorting and includes take parameters of a tenant', async () => {
  const laboratory = await makeLaboratory();
  await send(laboratory, 'PUT', 'Patient/p', { resourceType: 'Patient', id: 'p' });
  const mine = { subject: { reference: 'Patient/p' }, code: { coding: [{ system: 's', code: 'k' }] }, ...noted('red') };
  await send(laboratory, 'PUT', 'Observation/one', observation('one', mine));
  await send(laboratory, 'PUT', 'Observation/two', observation('two', { ...mine, note: [{ text: 'blue' }] }));
  await send(laboratory, 'PUT', 'SearchParameter/colour', parameter('colour'));
  await send(
    laboratory,
    'PUT',
    'SearchParameter/whose',
    parameter('whose', { type: 'reference', expression: 'Observation.subject', target: ['Patient'] }),
  );
  await untilSearchable(laboratory, 'Observation?colour=red');
  const parts = [
    { definition: 'http://hl7.org/fhir/SearchParameter/clinical-code', expression: 'code' },
    { definition: 'http://example.org/SearchParameter/colour', expression: 'note.text' },
  ];
  const both = parameter('code-colour', { type: 'composite', expression: 'Observation', component: parts });
  expect((await send(laboratory, 'PUT', 'SearchParameter/code-colour', both)).said).toBe('');
  await untilSearchable(laboratory, 'Observation?code-colour=s|k$red');
  expect(await found(laboratory, 'Observation?code-colour=s|k$red')).toEqual(['one']);
  expect(await found(laboratory, 'Patient?_has:Observation:whose:colour=blue')).toEqual(['p']);
  expect(await found(laboratory, 'Observation?colour=blue&_include=Observation:whose')).toEqual(['p', 'two']);
  expect((await ask(laboratory, 'Observation?_sort=colour')).status).toBe(200);
});
