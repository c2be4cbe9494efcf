/** `_list=$current-…`: https://hl7.org/fhir/R4/lifecycle.html#lists */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { find, queryOf, store } from './fixture.ts';
import { parseSearch } from '../../src/search/parse.ts';

const coded = (system: string, code: string): object => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
});

interface Stated {
  readonly clinical?: string;
  readonly verification?: string;
  readonly category?: string;
  readonly whose?: string;
}

function allergy(id: string, { clinical, verification, category, whose = '42' }: Stated): object {
  return {
    resourceType: 'AllergyIntolerance',
    id,
    patient: { reference: `Patient/${whose}` },
    ...(category !== undefined && { category: [category] }),
    ...(clinical !== undefined && { clinicalStatus: coded('allergyintolerance-clinical', clinical) }),
    ...(verification !== undefined && { verificationStatus: coded('allergyintolerance-verification', verification) }),
  };
}

function condition(id: string, { clinical, verification, category, whose = '42' }: Stated): object {
  return {
    resourceType: 'Condition',
    id,
    subject: { reference: `Patient/${whose}` },
    ...(category !== undefined && { category: [coded('condition-category', category)] }),
    ...(clinical !== undefined && { clinicalStatus: coded('condition-clinical', clinical) }),
    ...(verification !== undefined && { verificationStatus: coded('condition-ver-status', verification) }),
  };
}

function medication(type: string, id: string, status: string, more: object = {}): object {
  return {
    resourceType: type,
    id,
    status,
    ...(type === 'MedicationRequest' && { intent: 'order' }),
    medicationCodeableConcept: { text: id },
    subject: { reference: 'Patient/42' },
    ...more,
  };
}

const resources = [
  { resourceType: 'Patient', id: '42', identifier: [{ system: 'http://mrn', value: 'A1' }] },
  { resourceType: 'Patient', id: '43' },
  allergy('penicillin', { clinical: 'active', verification: 'confirmed', category: 'medication' }),
  allergy('cashew', { clinical: 'active', category: 'food' }),
  allergy('pollen', { clinical: 'inactive', category: 'environment' }),
  allergy('disproved', { clinical: 'active', verification: 'refuted', category: 'medication' }),
  allergy('mistake', { verification: 'entered-in-error', category: 'medication' }),
  allergy('theirs', { clinical: 'active', category: 'medication', whose: '43' }),
  condition('diabetes', { clinical: 'active', verification: 'confirmed', category: 'problem-list-item' }),
  condition('migraine', { clinical: 'recurrence' }),
  condition('lymphoma', { clinical: 'relapse', verification: 'provisional' }),
  condition('flu', { clinical: 'active', category: 'encounter-diagnosis' }),
  condition('fracture', { clinical: 'resolved', category: 'problem-list-item' }),
  condition('remission', { clinical: 'remission' }),
  condition('no', { clinical: 'active', verification: 'refuted' }),
  condition('other', { clinical: 'active', whose: '43' }),
  medication('MedicationStatement', 'aspirin', 'active'),
  medication('MedicationStatement', 'held', 'on-hold'),
  medication('MedicationStatement', 'done', 'completed'),
  medication('MedicationRequest', 'metformin', 'active'),
  medication('MedicationRequest', 'idea', 'active', { intent: 'proposal' }),
  medication('MedicationRequest', 'stopped', 'stopped'),
];

let lab: Laboratory;
let tenant = 0;

beforeAll(async () => {
  const [other, mine] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  lab = mine;
  tenant = mine.tenant.id;
  // The same ids, of which nothing is current.
  const past = [
    { resourceType: 'Patient', id: '42' },
    allergy('penicillin', { clinical: 'resolved' }),
    allergy('pollen', { clinical: 'active' }),
    condition('diabetes', { clinical: 'resolved' }),
  ];
  await store(other.tenant.id, past);
  await store(tenant, resources);
});

test.each([
  ['AllergyIntolerance?patient=42&_list=$current-allergies', ['penicillin', 'cashew']],
  ['AllergyIntolerance?patient=42&_list=$current-drug-allergies', ['penicillin']],
  ['AllergyIntolerance?patient=Patient/43&_list=$current-allergies', ['theirs']],
  ['AllergyIntolerance?patient=42,43&_list=$current-drug-allergies', ['penicillin', 'theirs']],
  ['AllergyIntolerance?patient.identifier=A1&_list=$current-drug-allergies', ['penicillin']],
  ['AllergyIntolerance?patient=42&category=food&_list=$current-allergies', ['cashew']],
  ['AllergyIntolerance?patient=none&_list=$current-allergies', []],
  ['Condition?patient=42&_list=$current-problems', ['diabetes', 'migraine', 'lymphoma']],
  ['Condition?subject=Patient/42&_list=$current-problems', ['diabetes', 'migraine', 'lymphoma']],
  ['Condition?subject:Patient=42&_list=$current-problems', ['diabetes', 'migraine', 'lymphoma']],
  ['MedicationStatement?patient=42&_list=$current-medications', ['aspirin', 'held']],
  ['MedicationRequest?patient=42&_list=$current-medications', ['metformin']],
  [
    '?_type=MedicationRequest,MedicationStatement&patient=42&_list=$current-medications',
    ['MedicationRequest/metformin', 'MedicationStatement/aspirin', 'MedicationStatement/held'],
  ],
  ['?_type=MedicationRequest,Observation&patient=42&_list=$current-medications', ['MedicationRequest/metformin']],
])('%s', async (query, expected) => {
  expect((await find(tenant, query)).sort()).toEqual([...expected].sort());
});

test.each([
  ['AllergyIntolerance?_list=$current-allergies', /\$current-allergies is that of a patient/],
  ['AllergyIntolerance?category=food&_list=$current-allergies', /is that of a patient/],
  ['AllergyIntolerance?patient:missing=true&_list=$current-allergies', /is that of a patient/],
  ['Condition?subject:Group=42&_list=$current-problems', /is that of a patient/],
  ['AllergyIntolerance?patient=42&_list=$current-nonsense', /functional lists of this server are \$current-problems/],
  ['AllergyIntolerance?patient=42&_list=$constructor', /functional lists of this server are/],
  ['Observation?patient=42&_list=$current-problems', /a list of Condition/],
  ['MedicationStatement?patient=42&_list=$current-allergies', /a list of AllergyIntolerance/],
  ['AllergyIntolerance?patient=42&_list:not=$current-allergies', /":not" does not apply to "_list"/],
  ['Patient?_has:AllergyIntolerance:patient:_list=$current-allergies&patient=42', /of the type searched|is no search/],
  ['AllergyIntolerance?patient=42&_list=List/$current-allergies', /id of a List or the name/],
])('%s is refused', (query, words) => {
  const [type = '', text = ''] = query.split(/\?(.*)/s);
  expect(() => parseSearch(type, queryOf(text))).toThrow(words);
});

describe('over HTTP', () => {
  const ids = async (path: string): Promise<string[]> => {
    const answer = await lab.fetch(path);
    expect(answer.status).toBe(200);
    const { entry = [] } = (await answer.json()) as { entry?: { resource: { id: string } }[] };
    return entry.map(({ resource }) => resource.id).sort();
  };

  test('in the compartment of a patient, who need not be named again', async () => {
    expect(await ids('Patient/42/AllergyIntolerance?_list=$current-allergies')).toEqual(['cashew', 'penicillin']);
  });

  test('the number alone', async () => {
    const answer = await lab.fetch('Condition?patient=42&_list=$current-problems&_summary=count');
    expect(await answer.json()).toMatchObject({ total: 3 });
  });

  test('without a patient: 400 with the rule', async () => {
    const answer = await lab.fetch('Condition?_list=$current-problems');
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('is that of a patient');
  });
});
