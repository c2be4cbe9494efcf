/** Observation/$lastn, by the sentences of its definition. https://hl7.org/fhir/R4/observation-operation-lastn.html */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { ask, concept, ids, observation, patient, sentence, store, type Json } from './store.ts';

let lab: Laboratory;

interface Row {
  id: string;
  codes: string[];
  at?: string;
  more?: Json;
}

/** Each set of rows is a patient of its own, so that one laboratory serves all cases. */
const sets: Record<string, readonly Row[]> = {
  'three codes': [
    { id: 'a', codes: ['a'] },
    { id: 'b', codes: ['b'] },
    { id: 'c', codes: ['c'] },
  ],
  'a translation joins': [
    { id: 'a', codes: ['a'] },
    { id: 'b', codes: ['b'] },
    { id: 'ac', codes: ['a', 'c'], at: '2026-02-01' },
  ],
  'a translation joins all': [
    { id: 'a', codes: ['a'] },
    { id: 'b', codes: ['b'] },
    { id: 'ab', codes: ['a', 'b'], at: '2026-02-01' },
  ],
  'a chain of translations': [
    { id: 'ab', codes: ['a', 'b'] },
    { id: 'cd', codes: ['c', 'd'] },
    { id: 'bc', codes: ['b', 'c'], at: '2026-02-01' },
    { id: 'e', codes: ['e'] },
  ],
  texts: [
    { id: 't1', codes: ['"textM"'] },
    { id: 't2', codes: ['"Text"'] },
    { id: 't3', codes: ['"t e x t"'] },
    { id: 't4', codes: ['"Text"'], at: '2026-02-01' },
    { id: 't5', codes: ['"text"'] },
  ],
  systems: [
    { id: 's1', codes: ['a'] },
    { id: 's2', codes: ['http://other.example|a'] },
    { id: 's3', codes: ['A'] },
  ],
  ties: [
    { id: '1', codes: ['a'], at: '2026-01-01T10:00:00Z' },
    { id: '2', codes: ['a'], at: '2026-01-02T10:00:00Z' },
    { id: '3', codes: ['a'], at: '2026-01-03T10:00:00Z' },
    { id: '3b', codes: ['a'], at: '2026-01-03T13:00:00+03:00' },
    { id: '4', codes: ['a'], at: '2026-01-04T10:00:00Z' },
  ],
  undated: [
    { id: 'u1', codes: ['a'], at: '' },
    { id: 'u2', codes: ['a'], at: '' },
    { id: 'd', codes: ['a'], at: '1999-01-01' },
  ],
  statuses: [
    { id: 'fin', codes: ['a'], at: '2026-01-01' },
    { id: 'err', codes: ['a'], at: '2026-01-02', more: { status: 'entered-in-error' } },
  ],
};

const names = Object.keys(sets);
const subjectOf = (name: string): string => `p${names.indexOf(name)}`;

function resources(): Json[] {
  return names.flatMap((name) => {
    const subject = subjectOf(name);
    const rows = (sets[name] ?? []).map(({ id, codes, at = '2026-01-01', more = {} }) =>
      observation(`${subject}.${id}`, `Patient/${subject}`, {
        code: concept(...codes),
        ...(at !== '' && { effectiveDateTime: at }),
        ...more,
      }),
    );
    return [patient(subject), ...rows];
  });
}

beforeAll(async () => {
  lab = await makeLaboratory();
  await store(lab, resources());
});

/** The ids answered, without the subject. */
async function latest(name: string, query = '', who = lab): Promise<string[]> {
  const { status, json } = await ask(who, `Observation/$lastn?patient=${subjectOf(name)}&category=laboratory${query}`);
  expect([status, json['resourceType'], json['type']]).toEqual([200, 'Bundle', 'searchset']);
  return ids(json).map((id) => id.split('.')[1] ?? '');
}

const cases: readonly [section: string, set: string, query: string, expected: string[]][] = [
  ['each code is a group', 'three codes', '', ['c', 'b', 'a']],
  ['a | b | a,c: two groups', 'a translation joins', '', ['ac', 'b']],
  ['a | b | a,b: one group', 'a translation joins all', '', ['ab']],
  ['equality is transitive', 'a chain of translations', '', ['bc', 'e']],
  ['max counts in the joined group', 'a chain of translations', '&max=2', ['bc', 'e', 'cd', 'ab']],
  ['texts are groups as written', 'texts', '', ['t4', 't5', 't3', 't1']],
  ['code and system must be equal', 'systems', '', ['s3', 's2', 's1']],
  ['one without max', 'ties', '', ['4']],
  ['ties are included past max', 'ties', '&max=2', ['4', '3b', '3']],
  ['a tie within max costs places', 'ties', '&max=3', ['4', '3b', '3']],
  ['more than there are', 'ties', '&max=100', ['4', '3b', '3', '2', '1']],
  ['no time comes last and is no tie', 'undated', '&max=2', ['d', 'u2']],
  ['statuses are not filtered', 'statuses', '', ['err']],
  ['but by the caller', 'statuses', '&status:not=entered-in-error', ['fin']],
  ['criteria come before the groups', 'ties', '&date=lt2026-01-03', ['2']],
  ['nothing matches', 'ties', '&code=nothing', []],
];

describe('groups', () => {
  test.each(cases)('%s', async (_section, name, query, expected) => {
    expect((await latest(name, query)).sort()).toEqual([...expected].sort());
  });

  test.each(cases.filter(([, name]) => name === 'ties' || name === 'undated'))(
    'newest first: %s',
    async (_section, name, query, expected) => {
      expect(await latest(name, query)).toEqual(expected);
    },
  );
});

describe('input', () => {
  const parameter = [
    { name: 'subject', valueString: `Patient/${subjectOf('ties')}` },
    { name: 'code', valueString: 'http://loinc.org|a' },
    { name: 'max', valuePositiveInt: 2 },
  ];

  test('as Parameters', async () => {
    const { status, json } = await ask(lab, 'Observation/$lastn', { resourceType: 'Parameters', parameter });
    expect(status).toBe(200);
    expect(ids(json)).toHaveLength(3);
  });

  test('as a form', async () => {
    const body = new URLSearchParams({ patient: subjectOf('ties'), 'code-value-concept:missing': 'true', max: '2' });
    const answer = await lab.fetch('Observation/$lastn', { method: 'POST', body });
    expect(ids((await answer.json()) as Json)).toHaveLength(3);
  });

  test.each([
    ['no subject', 'code=a', 400, /needs a subject/],
    ['no code', 'patient=p1', 400, /needs a category/],
    ['an empty code', 'patient=p1&code=', 400, /needs a category/],
    ['a parameter without a code', 'patient=p1&status=final', 400, /needs a category/],
    ['an unknown parameter', 'patient=p1&code=a&colour=red', 400, /"colour"/],
    ['max zero', 'patient=p1&code=a&max=0', 400, /max must be/],
    ['max twice', 'patient=p1&code=a&max=1&max=2', 400, /max must be/],
    ['max a word', 'patient=p1&code=a&max=all', 400, /max must be/],
    ['an order', 'patient=p1&code=a&_sort=code', 400, /no _sort/],
  ])('%s is refused', async (_name, query, status, words) => {
    const answer = await ask(lab, `Observation/$lastn?${query}`);
    expect(answer.status).toBe(status);
    expect(sentence(answer.json)).toMatch(words);
  });

  test.each(['$lastn', 'Patient/$lastn', 'Observation/1/$lastn'])('%s is not there', async (path) => {
    expect((await ask(lab, `${path}?patient=1&code=a`)).status).toBe(404);
  });
});

describe('pages and includes', () => {
  test('pages neither skip nor repeat', async () => {
    const seen: string[] = [];
    let path: string | undefined = `Observation/$lastn?patient=${subjectOf('ties')}&code=a&max=9&_count=2`;
    while (path !== undefined) {
      const { json }: { json: Json } = await ask(lab, path);
      seen.push(...ids(json).map((id) => id.split('.')[1] ?? ''));
      const next = (json['link'] as { relation: string; url: string }[]).find(({ relation }) => relation === 'next');
      path = next?.url.slice(lab.base.length + 1);
    }
    expect(seen).toEqual(['4', '3b', '3', '2', '1']);
  });

  test('_summary=count', async () => {
    const { json } = await ask(lab, `Observation/$lastn?patient=${subjectOf('ties')}&code=a&max=2&_summary=count`);
    expect([json['total'], json['entry']]).toEqual([3, undefined]);
  });

  test('_include', async () => {
    const subject = subjectOf('ties');
    const { json } = await ask(lab, `Observation/$lastn?patient=${subject}&code=a&_include=Observation:subject`);
    expect(ids(json)).toEqual([`${subject}.4`, subject]);
  });
});

describe('access', () => {
  test('another laboratory with the same ids sees its own', async () => {
    const other = await makeLaboratory();
    await store(other, [
      patient('p6'),
      observation('p6.x', 'Patient/p6', { code: concept('a'), effectiveDateTime: '1990-01-01' }),
    ]);
    expect(subjectOf('ties')).toBe('p6');
    expect(await latest('ties', '', other)).toEqual(['x']);
    expect(await latest('ties')).toEqual(['4']);
  });

  test.each([
    ['system/Patient.rs', 403],
    ['system/Observation.r', 403],
    ['system/Observation.s', 200],
  ])('%s gets %i', async (scopes, status) => {
    const caller = await signIn(lab.tenant, scopes);
    expect((await ask(caller, 'Observation/$lastn?patient=p1&code=a')).status).toBe(status);
  });

  test('what the caller may not see is not included', async () => {
    const caller = await signIn(lab.tenant, 'system/Observation.rs');
    const { json } = await ask(caller, 'Observation/$lastn?patient=p6&code=a&_include=Observation:subject');
    expect(ids(json)).toEqual(['p6.4']);
  });
});
