/** Each kind of provision, as a search sees it: IHE PCF's sections, then what R4 has besides. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { About } from '../../src/identity/token.ts';
import type { Laboratory } from '../server.ts';
import {
  action,
  boundCaller,
  confidentiality,
  consent,
  entriesOf,
  get,
  glucose,
  hiv,
  laboratoryWithPatients,
  observation,
  purpose,
  put,
  recipient,
  type Json,
} from './laboratory.ts';

const all = ['glucose', 'hiv', 'old', 'other', 'restricted', 'very', 'visit'];

/** What all cases look at: resources that differ in what a provision can ask for. */
async function fill(lab: Laboratory): Promise<void> {
  await put(lab, {
    resourceType: 'Encounter',
    id: 'e',
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/p' },
  });
  await put(lab, observation('glucose', { meta: { profile: ['https://example.org/StructureDefinition/glucose'] } }));
  await put(lab, observation('hiv', { code: { coding: [hiv] }, performer: [{ reference: 'Practitioner/b' }] }));
  await put(lab, observation('old', { effectiveDateTime: '2020-05-05' }));
  await put(lab, observation('restricted', { meta: { security: [confidentiality('R')] } }));
  await put(lab, observation('very', { meta: { security: [confidentiality('V')] } }));
  await put(lab, observation('visit', { encounter: { reference: 'Encounter/e' } }));
  await put(lab, observation('other', { subject: { reference: 'Patient/q' } }));
}

const without = (...hidden: string[]): string[] => all.filter((id) => !hidden.includes(id));
const only = (...shown: string[]): string[] => [...shown, 'other'].sort();
const nothing = only();

interface Case {
  readonly name: string;
  readonly consents: readonly (Json | undefined)[];
  readonly sees: readonly string[];
  readonly about?: About;
  readonly more?: Json;
}

const year = 365 * 24 * 3_600_000;
const past = new Date(Date.now() - year).toISOString();
const future = new Date(Date.now() + year).toISOString();

const basic: Case[] = [
  { name: 'without any consent the default permits', consents: [], sees: all },
  { name: 'a permit', consents: [{ type: 'permit' }], sees: all },
  { name: 'a denial hides all of the patient, and nothing of another', consents: [{ type: 'deny' }], sees: nothing },
  {
    name: 'OPTOUT without a type denies',
    consents: [undefined],
    more: { policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTOUT' }] } },
    sees: nothing,
  },
  { name: 'between consents a denial wins', consents: [{ type: 'permit' }, { type: 'deny' }], sees: nothing },
  { name: 'a period that is over', consents: [{ type: 'deny', period: { end: past } }], sees: all },
  { name: 'a period that has not begun', consents: [{ type: 'deny', period: { start: future } }], sees: all },
  { name: 'a period that runs', consents: [{ type: 'deny', period: { start: past, end: future } }], sees: nothing },
  { name: 'a dateTime to come', consents: [{ type: 'deny' }], more: { dateTime: future }, sees: all },
  { name: 'the caller as actor', consents: [{ type: 'deny', actor: [recipient('Practitioner/a')] }], sees: nothing },
  {
    name: 'his organization as actor',
    consents: [{ type: 'deny', actor: [recipient('Organization/o')] }],
    sees: nothing,
  },
  { name: 'another actor', consents: [{ type: 'deny', actor: [recipient('Practitioner/b')] }], sees: all },
  {
    name: 'one of several actors',
    consents: [{ type: 'deny', actor: [recipient('Practitioner/b'), recipient('Practitioner/a')] }],
    sees: nothing,
  },
  { name: 'the purpose of the request', consents: [{ type: 'deny', purpose: [purpose('TREAT')] }], sees: nothing },
  { name: 'another purpose', consents: [{ type: 'deny', purpose: [purpose('HRESCH')] }], sees: all },
  {
    name: 'a narrower purpose than the consent names',
    consents: [{ type: 'deny', purpose: [purpose('TREAT')] }],
    about: { purposes: ['ETREAT'] },
    sees: nothing,
  },
  {
    name: 'a wider purpose than the consent names',
    consents: [{ type: 'deny', purpose: [purpose('ETREAT')] }],
    sees: all,
  },
  {
    name: 'the patient himself',
    consents: [{ type: 'deny' }],
    about: { fhirUser: 'Patient/p', actors: ['Patient/p'], purposes: ['PATRQT'] },
    sees: all,
  },
  {
    name: 'another patient',
    consents: [{ type: 'deny' }],
    about: { fhirUser: 'Patient/q', actors: ['Patient/q'], purposes: ['PATRQT'] },
    sees: nothing,
  },
  { name: 'a caller who is exempt', consents: [{ type: 'deny' }], about: { consent: 'exempt' }, sees: all },
  {
    name: 'a custodian is this laboratory',
    consents: [
      {
        type: 'deny',
        actor: [
          {
            ...recipient('Organization/x'),
            role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'CST' }] },
          },
        ],
      },
    ],
    sees: nothing,
  },
];

const intermediate: Case[] = [
  {
    name: 'denied data of a time',
    consents: [{ type: 'permit', provision: [{ type: 'deny', dataPeriod: { start: '2020', end: '2020' } }] }],
    sees: without('old'),
  },
  {
    name: 'permitted data of a time alone',
    consents: [{ type: 'permit', dataPeriod: { start: '2020', end: '2020' } }],
    sees: only('old'),
  },
  {
    name: 'a denied resource',
    consents: [
      {
        type: 'permit',
        provision: [{ type: 'deny', data: [{ meaning: 'instance', reference: { reference: 'Observation/hiv' } }] }],
      },
    ],
    sees: without('hiv'),
  },
  {
    name: 'permitted resources alone',
    consents: [
      {
        type: 'permit',
        data: ['Observation/hiv', 'Observation/old'].map((reference) => ({
          meaning: 'instance',
          reference: { reference },
        })),
      },
    ],
    sees: only('hiv', 'old'),
  },
  {
    name: 'denied what relates to an encounter',
    consents: [
      {
        type: 'permit',
        provision: [{ type: 'deny', data: [{ meaning: 'related', reference: { reference: 'Encounter/e' } }] }],
      },
    ],
    sees: without('visit'),
  },
  {
    name: 'permitted what relates to an encounter alone',
    consents: [{ type: 'permit', data: [{ meaning: 'related', reference: { reference: 'Encounter/e' } }] }],
    sees: only('visit'),
  },
  {
    name: 'denied what depends on an encounter',
    consents: [{ type: 'deny', data: [{ meaning: 'dependents', reference: { reference: 'Encounter/e' } }] }],
    sees: without('visit'),
  },
  {
    name: 'denied what a practitioner wrote',
    consents: [
      {
        type: 'permit',
        provision: [{ type: 'deny', data: [{ meaning: 'authoredby', reference: { reference: 'Practitioner/b' } }] }],
      },
    ],
    sees: without('hiv'),
  },
  {
    name: 'permitted what a practitioner wrote alone',
    consents: [{ type: 'permit', data: [{ meaning: 'authoredby', reference: { reference: 'Practitioner/b' } }] }],
    sees: only('hiv'),
  },
  {
    name: 'a denying base that names data leaves the rest',
    consents: [{ type: 'deny', data: [{ meaning: 'instance', reference: { reference: 'Observation/hiv' } }] }],
    sees: without('hiv'),
  },
  {
    name: 'denied but for another purpose',
    consents: [{ type: 'deny', provision: [{ type: 'permit', purpose: [purpose('HRESCH')] }] }],
    sees: nothing,
  },
  {
    name: 'denied but for this purpose',
    consents: [{ type: 'deny', provision: [{ type: 'permit', purpose: [purpose('HRESCH')] }] }],
    about: { purposes: ['HRESCH'] },
    sees: all,
  },
];

const advanced: Case[] = [
  {
    name: 'permitted normal data alone',
    consents: [{ type: 'permit', securityLabel: [confidentiality('N')] }],
    sees: without('restricted', 'very'),
  },
  {
    name: 'permitted normal and restricted data',
    consents: [{ type: 'permit', securityLabel: ['N', 'R'].map(confidentiality) }],
    sees: without('very'),
  },
  {
    name: 'denied restricted data, and what is more restricted',
    consents: [{ type: 'permit', provision: [{ type: 'deny', securityLabel: [confidentiality('R')] }] }],
    sees: without('restricted', 'very'),
  },
  {
    name: 'normal data, and restricted for this actor',
    consents: [
      {
        type: 'permit',
        securityLabel: [confidentiality('N')],
        provision: [{ type: 'permit', actor: [recipient('Practitioner/a')], securityLabel: [confidentiality('R')] }],
      },
    ],
    sees: without('very'),
  },
  {
    name: 'normal data, and restricted for another actor',
    consents: [
      {
        type: 'permit',
        securityLabel: [confidentiality('N')],
        provision: [{ type: 'permit', actor: [recipient('Practitioner/b')], securityLabel: [confidentiality('R')] }],
      },
    ],
    sees: without('restricted', 'very'),
  },
];

const rest: Case[] = [
  { name: 'a denied code', consents: [{ type: 'deny', code: [{ coding: [hiv] }] }], sees: without('hiv') },
  { name: 'a permitted code alone', consents: [{ type: 'permit', code: [{ coding: [hiv] }] }], sees: only('hiv') },
  {
    name: 'a code of another system',
    consents: [{ type: 'deny', code: [{ coding: [{ ...hiv, system: 'http://snomed.info/sct' }] }] }],
    sees: all,
  },
  {
    name: 'a denied type',
    consents: [{ type: 'deny', class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Observation' }] }],
    sees: nothing,
  },
  {
    name: 'another type',
    consents: [{ type: 'deny', class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Specimen' }] }],
    sees: all,
  },
  {
    name: 'a profile',
    consents: [
      {
        type: 'deny',
        class: [{ system: 'urn:ietf:rfc:3986', code: 'https://example.org/StructureDefinition/glucose' }],
      },
    ],
    sees: without('glucose'),
  },
  { name: 'the action access', consents: [{ type: 'deny', action: [action('access')] }], sees: nothing },
  { name: 'the action correct', consents: [{ type: 'deny', action: [action('correct')] }], sees: all },
  { name: 'disclosure in treatment', consents: [{ type: 'deny', action: [action('disclose')] }], sees: all },
  {
    name: 'disclosure for research',
    consents: [{ type: 'deny', action: [action('disclose')] }],
    about: { purposes: ['HRESCH'] },
    sees: nothing,
  },
  {
    name: 'demands of one provision must all hold',
    consents: [{ type: 'deny', code: [{ coding: [hiv] }], purpose: [purpose('HRESCH')] }],
    sees: all,
  },
  {
    name: 'an exception to the exception',
    consents: [
      {
        type: 'permit',
        provision: [
          {
            type: 'deny',
            code: [{ coding: [glucose] }],
            provision: [{ type: 'permit', dataPeriod: { start: '2020', end: '2020' } }],
          },
        ],
      },
    ],
    sees: only('hiv', 'old'),
  },
  {
    name: 'of equally deep ones the denial',
    consents: [
      {
        type: 'permit',
        provision: [
          { type: 'deny', code: [{ coding: [hiv] }] },
          { type: 'permit', code: [{ coding: [hiv] }] },
        ],
      },
    ],
    sees: without('hiv'),
  },
  {
    name: 'an exception within a period that is over',
    consents: [{ type: 'deny', provision: [{ type: 'permit', period: { end: past } }] }],
    sees: nothing,
  },
];

describe.each([
  ['3:5.8.2 basic', basic],
  ['3:5.8.3 intermediate', intermediate],
  ['3:5.8.4 advanced', advanced],
  ['what R4 has besides', rest],
])('PCF %s', (_section, cases) => {
  let lab: Laboratory;
  beforeAll(async () => {
    lab = await laboratoryWithPatients();
    await fill(lab);
    await put(lab, consent('first', { type: 'permit', actor: [recipient('Practitioner/b')] }));
  });

  test.each(cases)('$name', async ({ consents, sees, about, more }) => {
    await Promise.all(consents.map((provision, i) => put(lab, consent(`c${i}`, provision, more))));
    const caller = await boundCaller(lab.tenant, about);
    const searched = entriesOf((await get(caller, 'Observation?_count=50')).json);
    const ofPatient = entriesOf((await get(caller, 'Observation?patient=p&_count=50')).json);
    const counted = (await get(caller, 'Observation?_summary=count')).json['total'];
    await Promise.all(consents.map((_, i) => put(lab, consent(`c${i}`, consents[i], { status: 'inactive' }))));
    const names = sees.map((id) => `Observation/${id}`);
    expect(searched).toEqual(names);
    expect(ofPatient).toEqual(names.filter((name) => name !== 'Observation/other'));
    expect(counted).toBe(names.length);
    expect(entriesOf((await get(caller, 'Observation?_count=50')).json)).toHaveLength(all.length);
  });
});

describe('PCF 1:53.2.1: a laboratory where patients opt in', () => {
  let lab: Laboratory;
  beforeAll(async () => {
    lab = await laboratoryWithPatients({ settings: { consentDefault: 'deny' } });
    await fill(lab);
  });

  const cases: Case[] = [
    { name: 'nothing without a consent', consents: [], sees: [] },
    { name: 'a permit', consents: [{ type: 'permit' }], sees: without('other') },
    { name: 'a permit for another', consents: [{ type: 'permit', actor: [recipient('Practitioner/b')] }], sees: [] },
    { name: 'a permit for a code', consents: [{ type: 'permit', code: [{ coding: [hiv] }] }], sees: ['hiv'] },
    {
      name: 'a permit with an exception',
      consents: [{ type: 'permit', provision: [{ type: 'deny', code: [{ coding: [hiv] }] }] }],
      sees: without('other', 'hiv'),
    },
    {
      name: 'a permit and a denial',
      consents: [{ type: 'permit' }, { type: 'deny', code: [{ coding: [hiv] }] }],
      sees: without('other', 'hiv'),
    },
  ];

  test.each(cases)('$name', async ({ consents, sees }) => {
    await Promise.all(consents.map((provision, i) => put(lab, consent(`c${i}`, provision))));
    const caller = await boundCaller(lab.tenant);
    const searched = entriesOf((await get(caller, 'Observation?_count=50')).json);
    const ofPatient = entriesOf((await get(caller, 'Observation?patient=p&_count=50')).json);
    await Promise.all(consents.map((_, i) => put(lab, consent(`c${i}`, consents[i], { status: 'inactive' }))));
    expect(searched).toEqual(sees.map((id) => `Observation/${id}`));
    expect(ofPatient).toEqual(searched);
  });
});
