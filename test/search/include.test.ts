/** _include and _revinclude: https://hl7.org/fhir/R4/search.html#include; and access that holds everywhere. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { all, and, type Access, type Condition } from '../../src/search/ast.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { makeLaboratory } from '../server.ts';
import { resources } from './cases.ts';
import { find, findPage, queryOf, store } from './fixture.ts';

let tenant = 0;

beforeAll(async () => {
  const [other, mine] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  tenant = mine.tenant.id;
  await store(other.tenant.id, resources);
  await store(tenant, resources);
});

const included: readonly (readonly [query: string, ids: readonly string[]])[] = [
  ['DiagnosticReport?_include=DiagnosticReport:result', ['Observation/glucose', 'Observation/glucose-high']],
  ['DiagnosticReport?_include=DiagnosticReport:subject', ['Patient/ahmad']],
  ['DiagnosticReport?_include=DiagnosticReport:patient', ['Patient/ahmad']],
  ['DiagnosticReport?_include=DiagnosticReport:performer:Organization', ['Organization/lab']],
  ['DiagnosticReport?_include=DiagnosticReport:performer:Practitioner', []],
  [
    'DiagnosticReport?_include=DiagnosticReport:*',
    ['Observation/glucose', 'Observation/glucose-high', 'Patient/ahmad', 'Organization/lab'],
  ],
  [
    'DiagnosticReport?_include=*',
    ['Observation/glucose', 'Observation/glucose-high', 'Patient/ahmad', 'Organization/lab'],
  ],
  ['Patient?_id=ahmad&_include=Patient:organization', ['Organization/lab']],
  ['Patient?_id=ahmad&_include=Patient:organization&_include=Organization:partof', ['Organization/lab']],
  [
    'Patient?_id=ahmad&_include=Patient:organization&_include:iterate=Organization:partof',
    ['Organization/lab', 'Organization/group'],
  ],
  ['Patient?_id=ahmad&_revinclude=DiagnosticReport:subject', ['DiagnosticReport/report']],
  ['Patient?_id=ahmad&_revinclude=Observation:patient', ['Observation/glucose', 'Observation/glucose-high']],
  [
    'Patient?_id=ahmad&_revinclude=Specimen:*&_revinclude=DiagnosticReport:subject',
    ['Specimen/blood', 'DiagnosticReport/report'],
  ],
  [
    'Specimen?_revinclude=Observation:specimen&_revinclude:iterate=DiagnosticReport:result',
    ['Observation/glucose', 'DiagnosticReport/report'],
  ],
  ['Observation?_id=glucose,troponin&_include=Observation:derived-from', []],
  ['Patient?_id=fatima&_include=Patient:organization', ['Organization/lab']],
  ['QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire', ['Questionnaire/q']],
  ['Questionnaire?_revinclude=QuestionnaireResponse:questionnaire', ['QuestionnaireResponse/qr']],
];

describe('include', () => {
  test.each(included)('%s', async (query, expected) => {
    expect((await findPage(tenant, query)).included.sort()).toEqual([...expected].sort());
  });
});

/** A caller who may see these types only, each under a condition. */
function accessTo(types: Readonly<Record<string, string>>): Access {
  const conditions = new Map<string, Condition>(
    Object.entries(types).map(([type, query]) => [type, and([all, parseSearch(type, queryOf(query)).condition])]),
  );
  return (type) => conditions.get(type);
}

const limited: readonly (readonly [
  query: string,
  types: Readonly<Record<string, string>>,
  matches: string[],
  included: string[],
])[] = [
  ['Observation?', { Observation: 'status=final' }, ['glucose', 'pressure'], []],
  ['Patient?', { Observation: '' }, [], []],
  ['Observation?patient.name=smith', { Observation: '' }, [], []],
  ['Observation?patient.name=smith', { Observation: '', Patient: '' }, ['pressure', 'troponin'], []],
  ['Observation?patient.name=smith', { Observation: '', Patient: 'gender=male' }, [], []],
  ['Patient?_has:Observation:patient:code=2345-7', { Patient: '' }, [], []],
  ['Patient?_has:Observation:patient:code=2345-7', { Patient: '', Observation: 'status=amended' }, [], []],
  ['Patient?_has:Observation:patient:code=2345-7', { Patient: '', Observation: 'status=final' }, ['ahmad'], []],
  [
    'DiagnosticReport?_include=DiagnosticReport:result',
    { DiagnosticReport: '', Observation: 'status=final' },
    ['report'],
    ['Observation/glucose'],
  ],
  ['DiagnosticReport?_include=DiagnosticReport:result', { DiagnosticReport: '' }, ['report'], []],
  [
    'Patient?_id=ahmad&_revinclude=Observation:subject',
    { Patient: '', Observation: 'status=preliminary' },
    ['ahmad'],
    ['Observation/glucose-high'],
  ],
  ['Patient?_list=worklist', { Patient: '' }, [], []],
  ['Patient?_list=worklist', { Patient: '', List: '' }, ['fatima'], []],
  ['Observation?_filter=patient.name sw "smith"', { Observation: '' }, [], []],
  ['Patient?_filter=not (gender eq male)', { Patient: 'gender=female' }, ['fatima'], []],
];

describe('access', () => {
  test.each(limited)('%s as %j', async (query, types, matches, more) => {
    const page = await findPage(tenant, query, { access: accessTo(types) });
    expect(page.matches.sort()).toEqual([...matches].sort());
    expect(page.included.sort()).toEqual([...more].sort());
    expect((await findPage(tenant, `${query}&_count=0`, { access: accessTo(types) })).total).toBe(matches.length);
  });

  test('across types each is limited by its own condition', async () => {
    const access = accessTo({ Observation: 'status=final', Patient: 'gender=female' });
    expect((await find(tenant, '?', { access })).sort()).toEqual([
      'Observation/glucose',
      'Observation/pressure',
      'Patient/fatima',
    ]);
  });
});
