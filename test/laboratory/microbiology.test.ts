/** Microbiology: susceptibility against breakpoints, pure; a culture from its first growth to its correction; comments by code. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { antibiogram as library } from '../../src/laboratory/catalogue/antibiogram.ts';
import { readTables } from '../../src/laboratory/catalogue/tables.ts';
import { antibiogramOf } from '../../src/laboratory/microbiology/antibiogram.ts';
import {
  chooseBreakpoint,
  isIntrinsic,
  judge,
  readingOf,
  type Method,
} from '../../src/laboratory/microbiology/interpret.ts';
import { suppression, type Tested } from '../../src/laboratory/microbiology/reporting.ts';
import { codedComment } from '../../src/laboratory/result/comments.ts';
import { catalogueSystem, codeIn, extensions, object, objects, snomedSystem } from '../../src/laboratory/terms.ts';
import type { Laboratory } from '../server.ts';
import { addPatient, done, found, laboratoryWithCatalogue, resourcesOf, send } from './laboratory.ts';

const folder = resolve(import.meta.dirname, '../../seed');
const tables = readTables((name) => readFileSync(resolve(folder, `${name}.csv`), 'utf8'));
const data = antibiogramOf([library(tables)]);
const organism = (code: string): (typeof data.organisms)[number] => data.organisms.find((one) => one.code === code)!;

describe('breakpoints', () => {
  test.each<[string, string, Method, string, string, string | undefined]>([
    // EUCAST: R is above its bound.
    ['escherichia-coli', 'ciprofloxacin', 'mic', '0.25', 'EUCAST', 'S'],
    ['escherichia-coli', 'ciprofloxacin', 'mic', '<=0.06', 'EUCAST', 'S'],
    ['escherichia-coli', 'ciprofloxacin', 'mic', '0.38', 'EUCAST', 'I'],
    ['escherichia-coli', 'ciprofloxacin', 'mic', '0.5', 'EUCAST', 'I'],
    ['escherichia-coli', 'ciprofloxacin', 'mic', '1', 'EUCAST', 'R'],
    ['escherichia-coli', 'ciprofloxacin', 'mic', '>0.5', 'EUCAST', 'R'],
    ['escherichia-coli', 'ciprofloxacin', 'mic', '<=0.5', 'EUCAST', undefined],
    ['escherichia-coli', 'ciprofloxacin', 'disk', '25', 'EUCAST', 'S'],
    ['escherichia-coli', 'ciprofloxacin', 'disk', '22', 'EUCAST', 'I'],
    ['escherichia-coli', 'ciprofloxacin', 'disk', '21', 'EUCAST', 'R'],
    ['escherichia-coli', 'ampicillin', 'mic', '8', 'EUCAST', 'S'],
    ['escherichia-coli', 'ampicillin', 'mic', '12', 'EUCAST', 'R'],
    ['escherichia-coli', 'ampicillin', 'disk', '13', 'EUCAST', 'R'],
    ['escherichia-coli', 'ampicillin', 'disk', '14', 'EUCAST', 'S'],
    // Nothing is S.
    ['pseudomonas-aeruginosa', 'ceftazidime', 'mic', '<=1', 'EUCAST', 'I'],
    ['pseudomonas-aeruginosa', 'ceftazidime', 'mic', '16', 'EUCAST', 'R'],
    ['pseudomonas-aeruginosa', 'ceftazidime', 'disk', '17', 'EUCAST', 'I'],
    // CLSI: R is at its bound.
    ['escherichia-coli', 'ampicillin', 'mic', '16', 'CLSI', 'I'],
    ['escherichia-coli', 'ampicillin', 'mic', '24', 'CLSI', 'R'],
    ['escherichia-coli', 'ampicillin', 'mic', '>16', 'CLSI', 'R'],
    ['escherichia-coli', 'ampicillin', 'disk', '13', 'CLSI', 'R'],
    ['escherichia-coli', 'ampicillin', 'disk', '14', 'CLSI', 'I'],
    ['escherichia-coli', 'ampicillin', 'disk', '17', 'CLSI', 'S'],
    ['staphylococcus-aureus', 'vancomycin', 'mic', '4', 'CLSI', 'I'],
    // The species before its group, and steps as they are written.
    ['staphylococcus-aureus', 'vancomycin', 'mic', '4', 'EUCAST', 'R'],
    ['staphylococcus-coagulase-negative', 'vancomycin', 'mic', '4', 'EUCAST', 'S'],
    ['escherichia-coli', 'ceftriaxone', 'mic', '0.064', 'EUCAST', 'S'],
  ])('%s, %s by %s: %s is by %s %s', (code, drug, method, written, standard, category) => {
    const breakpoint = chooseBreakpoint(data.breakpoints, organism(code), { drug, method, standard });
    expect(judge(readingOf(written)!, breakpoint!).category).toBe(category);
  });

  test('what is no reading, what has no breakpoint, what is intrinsic', () => {
    expect(['', 'S', '0', '-1', '1:8', '<', '>1e3'].map(readingOf)).toEqual(Array(7).fill(undefined));
    const coli = organism('escherichia-coli');
    expect(chooseBreakpoint(data.breakpoints, coli, { drug: 'linezolid', method: 'mic' })).toBeUndefined();
    expect(isIntrinsic(data.resistances, organism('klebsiella-pneumoniae'), 'ampicillin')).toBe(true);
    expect(isIntrinsic(data.resistances, coli, 'vancomycin')).toBe(true);
    expect(isIntrinsic(data.resistances, coli, 'ampicillin')).toBe(false);
  });

  test('each row of the seed names what the other tables have', () => {
    const organisms = new Set(data.organisms.flatMap(({ code, groups }) => [code, ...groups]));
    const drugs = new Set(data.drugs.map(({ code }) => code));
    const rows = [...data.breakpoints, ...data.resistances];
    expect(rows.filter((row) => !organisms.has(row.organism) || !drugs.has(row.drug))).toEqual([]);
    expect(new Set(data.drugs.map(({ loinc }) => loinc)).size).toBe(data.drugs.length);
    expect(new Set(data.organisms.map(({ snomed }) => snomed)).size).toBe(data.organisms.length);
  });
});

test("a laboratory's own comment goes before the shipped one", () => {
  const system = (url: string, display: string): JsonObject => ({ url, concept: [{ code: 'a', display }] });
  const systems = [
    system('urn:makhbar:codesystem:result-comments', 'ours'),
    system('urn:makhbar:codesystem:own-result-comments', 'theirs'),
  ];
  expect(codedComment(systems, 'a')['text']).toBe('theirs');
  expect(() => codedComment(systems, 'b')).toThrow('There is no comment "b"; there are a.');
});

let lab: Laboratory;

beforeAll(async () => {
  lab = await laboratoryWithCatalogue();
}, 120_000);

const refer = ({ resourceType, id }: JsonObject): string => `${String(resourceType)}/${String(id)}`;

async function received(test: string): Promise<{ specimen: string; order: string }> {
  const patient = await addPatient(lab, { gender: 'female', birthDate: '1990-01-01' });
  const [order = {}] = resourcesOf(await done(lab, 'ServiceRequest/$order', { patient, test }), 'order');
  const [specimen = {}] = resourcesOf(await done(lab, 'Specimen/$accession', { order: refer(order) }), 'specimen');
  await done(lab, `${refer(specimen)}/$collect`);
  await done(lab, `${refer(specimen)}/$receive`);
  return { specimen: refer(specimen), order: refer(order) };
}

const said = (name: string, valueString: string): JsonObject => ({ name, valueString });
const drug = (code: string, value: string, method = 'mic'): JsonObject => ({
  name: 'susceptibility',
  part: [said('drug', code), said('value', value), said('method', method)],
});
const grown = (code: string, ...more: JsonObject[]): JsonObject => ({
  name: 'organism',
  part: [said('organism', code), ...more],
});

function culture(specimen: string, growth: boolean, ...more: JsonObject[]): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'specimen', valueReference: { reference: specimen } },
      said('culture', 'urine-culture'),
      { name: 'growth', valueBoolean: growth },
      ...more,
    ],
  };
}

async function entered(body: JsonObject): Promise<{ result: JsonObject; members: JsonObject[]; report: JsonObject }> {
  const answer = await send(lab, 'Observation/$enter-culture', body);
  expect([answer.status, answer.said]).toEqual([200, '']);
  const [result = {}] = resourcesOf(answer.body, 'result');
  const [report = {}] = resourcesOf(answer.body, 'report');
  return { result, members: resourcesOf(answer.body, 'member'), report };
}

const category = (resource: JsonObject): unknown =>
  objects(object(objects(resource['interpretation'])[0])['coding'])[0]?.['code'];
const drugOf = (resource: JsonObject): string | undefined => codeIn(resource['code'], `${catalogueSystem}:drug`);

describe('a culture', () => {
  test('from no growth so far to a correction', async () => {
    const { specimen, order } = await received('urine-culture');
    const first = await entered(
      culture(specimen, false, { name: 'incubated', valueDecimal: 24 }, said('comment-code', 'incubating')),
    );
    expect(first.result).toMatchObject({ status: 'preliminary', valueString: 'No growth after 24 h' });
    expect(JSON.stringify(first.result['note'])).toContain('incubation en cours');

    const coli = grown(
      'escherichia-coli',
      said('count', '>=10^5 CFU/mL'),
      ...[
        drug('ciprofloxacin', '>2'),
        drug('ampicillin', '12', 'disk'),
        drug('vancomycin', '1'),
        drug('linezolid', '4'),
      ],
      drug('meropenem', '<=0.25'),
    );
    const second = await entered(culture(specimen, true, coli, grown('http://snomed.info/sct|78065002')));
    expect([second.result['id'], category(second.result)]).toEqual([first.result['id'], 'POS']);
    const byDrug = Object.fromEntries(second.members.map((one) => [drugOf(one) ?? 'organism', category(one)]));
    expect(byDrug).toMatchObject({
      ciprofloxacin: 'R',
      ampicillin: 'R',
      vancomycin: 'R',
      linezolid: 'R',
      meropenem: 'S',
    });
    const organisms = objects(second.result['hasMember']).map(({ reference }) => String(reference));
    const [organism = {}] = second.members.filter((one) => organisms.includes(refer(one)));
    expect(codeIn(organism['valueCodeableConcept'], snomedSystem)).toBe('112283007');
    expect([organisms.length, objects(organism['hasMember']).length]).toEqual([2, 5]);
    const cipro = second.members.find((one) => drugOf(one) === 'ciprofloxacin')!;
    expect(cipro['valueQuantity']).toEqual(expect.objectContaining({ comparator: '>', value: 2, code: 'mg/L' }));

    const third = await entered(culture(specimen, true, grown('escherichia-coli', drug('ciprofloxacin', '0.25'))));
    const kept = third.members.find((one) => drugOf(one) === 'ciprofloxacin')!;
    expect([kept['id'], category(kept)]).toEqual([cipro['id'], 'S']);
    expect(third.members.filter(({ status }) => status === 'cancelled')).toHaveLength(5);
    expect(objects(third.report['result'])).toHaveLength(3);

    const all = [third.result, ...third.members.filter(({ status }) => status === 'preliminary')].map(refer);
    await done(lab, 'Observation/$review', { result: all });
    expect(await done(lab, `${refer(third.report)}/$release`)).toMatchObject({ status: 'final' });
    const again = culture(specimen, true, grown('klebsiella-pneumoniae', drug('ampicillin', '2')));
    const refused = await send(lab, 'Observation/$enter-culture', again);
    expect([refused.status, refused.said]).toEqual([409, expect.stringContaining('released')]);
    const corrected = await entered({
      ...again,
      parameter: [...objects(again['parameter']), said('reason', 'mixed up')],
    });
    expect([corrected.result['status'], corrected.report['status']]).toEqual(['corrected', 'corrected']);
    const stored = await found(lab, `Observation?based-on=${order}&_count=50`);
    expect(stored.filter(({ status }) => status === 'entered-in-error').map(drugOf)).toEqual(['ciprofloxacin']);
    const [name] = objects(corrected.result['hasMember']).map(({ reference }) => String(reference));
    const species = corrected.members.find((one) => refer(one) === name)!;
    expect([species['status'], codeIn(species['valueCodeableConcept'], snomedSystem)]).toEqual([
      'corrected',
      '56415008',
    ]);
    const old = (await (await lab.fetch(`${refer(third.result)}/_history`)).json()) as { total: number };
    expect(old.total).toBeGreaterThanOrEqual(5);
    await done(lab, `${refer(third.result)}/$withdraw`, { reason: 'another patient' });
    const left = await found(lab, `Observation?based-on=${order}&status:not=entered-in-error,cancelled&_count=50`);
    expect(left.map(refer)).toEqual([]);
  });

  test.each<[string, boolean, JsonObject[], number, string]>([
    ['an organism without growth', false, [grown('escherichia-coli')], 422, 'without growth has no organism'],
    ['an unknown organism', true, [grown('yeti')], 422, 'There is no organism "yeti"'],
    ['an unknown drug', true, [grown('escherichia-coli', drug('tea', '1'))], 422, 'There is no drug "tea"'],
    ['an unknown method', true, [grown('escherichia-coli', drug('ampicillin', '1', 'guess'))], 400, 'mic or disk'],
    ['no number', true, [grown('escherichia-coli', drug('ampicillin', 'much'))], 422, '"much" is no concentration'],
    ['a drug twice', true, [grown('shigella', drug('ampicillin', '1'), drug('ampicillin', '2'))], 422, 'given twice'],
    ['an unknown standard', true, [said('standard', 'ours')], 422, 'no breakpoints of the standard "ours"'],
    ['an unknown part', true, [grown('shigella', said('colour', 'red'))], 400, 'no part "colour"'],
    ['an unknown comment', true, [said('comment-code', 'nice')], 422, 'There is no comment "nice"'],
  ])('%s is refused, and nothing is stored', async (_, growth, more, status, sentence) => {
    sample ??= await received('urine-culture');
    const answer = await send(lab, 'Observation/$enter-culture', culture(sample.specimen, growth, ...more));
    expect([answer.status, answer.said]).toEqual([status, expect.stringContaining(sentence)]);
    expect(await found(lab, `Observation?based-on=${sample.order}`)).toEqual([]);
  });
});

let sample: { specimen: string; order: string } | undefined;

describe('an attachment', () => {
  const png = Buffer.from('89504e470d0a1a0a00', 'hex').toString('base64');
  const attaching = (attachment: JsonObject): JsonObject => ({
    resourceType: 'Parameters',
    parameter: [{ name: 'attachment', valueAttachment: attachment }],
  });

  test('is kept with its result', async () => {
    const { result } = await entered(culture((await received('urine-culture')).specimen, true));
    const given = attaching({ contentType: 'image/png', data: png, title: 'Gram stain' });
    const { status, body } = await send(lab, `${refer(result)}/$attach`, given);
    expect([status, body['subject']]).toEqual([200, result['subject']]);
    const [document = {}] = await found(lab, `DocumentReference?related=${refer(result)}`);
    const attachment = object(objects(document['content'])[0]?.['attachment']);
    expect(attachment).toMatchObject({ title: 'Gram stain', size: 9, contentType: 'image/png' });
    const kept = await lab.fetch(String(attachment['url']), { headers: { accept: 'image/png' } });
    expect(Buffer.from(await kept.arrayBuffer()).toString('base64')).toBe(png);
    for (const [refused, code] of [
      [{ contentType: 'text/html', data: png }, 422],
      [{ contentType: 'application/pdf', data: png }, 422],
      [{ contentType: 'image/png' }, 422],
    ] as const)
      expect((await send(lab, `${refer(result)}/$attach`, attaching(refused))).status).toBe(code);
    expect(await found(lab, `DocumentReference?related=${refer(result)}`)).toHaveLength(1);
  });
});

test('no growth may be verified by a rule, growth waits for a person', async () => {
  await send(lab, 'PlanDefinition', {
    resourceType: 'PlanDefinition',
    status: 'active',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/plan-definition-type', code: 'eca-rule' }] },
    topic: [{ coding: [{ system: 'urn:makhbar:laboratory', code: 'autoverification' }] }],
    action: [
      {
        title: 'Critical',
        condition: [{ kind: 'applicability', expression: { language: 'text/fhirpath', expression: '%critical' } }],
      },
    ],
  });
  const none = await entered(culture((await received('urine-culture')).specimen, false));
  const some = await entered(culture((await received('urine-culture')).specimen, true, grown('shigella')));
  expect([none.result['status'], some.result['status'], some.members[0]?.['status']]).toEqual([
    'final',
    'preliminary',
    'preliminary',
  ]);
});

describe('selective reporting', () => {
  const rules = [
    { organism: 'enterobacterales', drug: 'meropenem', susceptible: ['ceftriaxone', 'ertapenem'] },
    { organism: 'klebsiella-pneumoniae', drug: 'ciprofloxacin', susceptible: [] },
  ];
  const tested = (text: string): Tested[] =>
    text.split(' ').map((one) => {
      const [code = '', judged] = one.split('=');
      return { drug: code, category: judged === '?' ? undefined : (judged as 'S' | 'I' | 'R') };
    });

  test.each<[string, string, string, string | undefined]>([
    ['a drug that goes before it is S', 'klebsiella-pneumoniae', 'meropenem=S ceftriaxone=S', 'ceftriaxone is S'],
    ['what is not clear is not reported either', 'klebsiella-pneumoniae', 'meropenem=? ceftriaxone=S', 'is S'],
    ['none of them is S', 'klebsiella-pneumoniae', 'meropenem=S ceftriaxone=R', undefined],
    ['none of them was tested', 'klebsiella-pneumoniae', 'meropenem=S ampicillin=R', undefined],
    ['what is R is reported', 'klebsiella-pneumoniae', 'meropenem=R ceftriaxone=S', undefined],
    ['never', 'klebsiella-pneumoniae', 'ciprofloxacin=R', 'Not reported by rule'],
    ['a rule of another organism', 'escherichia-coli', 'ciprofloxacin=S', undefined],
    ['a rule of its group', 'escherichia-coli', 'meropenem=S ceftriaxone=S', 'ceftriaxone is S'],
    ['a drug without a rule', 'klebsiella-pneumoniae', 'ceftriaxone=S meropenem=S', undefined],
  ])('%s', (_, code, text, reason) => {
    const all = tested(text);
    const why = suppression(rules, organism(code), all[0]!, all);
    expect(why).toEqual(reason === undefined ? undefined : expect.stringContaining(reason));
  });

  const reported = (code: string, value: string, valueBoolean: boolean): JsonObject => {
    const { name, part } = drug(code, value);
    return { name: String(name), part: [...objects(part), { name: 'report', valueBoolean }] };
  };

  test('what is not reported is stored for the laboratory, with the reason, and never released', async () => {
    const table = ['organism;drug;susceptible', 'klebsiella-pneumoniae;meropenem;ceftriaxone'].join('\n');
    const made = await send(lab, 'Library', {
      ...{ resourceType: 'Library', status: 'active', type: { text: 'tables' } },
      topic: [{ coding: [{ system: 'urn:makhbar:laboratory', code: 'antibiogram' }] }],
      content: [{ contentType: 'text/csv', title: 'reporting', data: Buffer.from(table).toString('base64') }],
    });
    expect(made.status).toBe(201);
    const { specimen, order } = await received('urine-culture');
    const all = [drug('ceftriaxone', '<=0.5'), drug('meropenem', '<=0.25'), reported('ciprofloxacin', '0.25', false)];
    const first = await entered(culture(specimen, true, grown('klebsiella-pneumoniae', ...all)));
    const suppressed = (members: readonly JsonObject[]): Record<string, unknown> =>
      Object.fromEntries(
        members.flatMap((one) =>
          extensions(one, 'suppressed').map(({ valueString }) => [drugOf(one) ?? '', valueString]),
        ),
      );
    expect(suppressed(first.members)).toEqual({
      meropenem: 'Not reported by rule: ceftriaxone is S',
      ciprofloxacin: 'Not reported: the laboratory said so',
    });
    expect(objects(first.report['result'])).toHaveLength(3);
    const species = first.members.find((one) => drugOf(one) === undefined)!;
    expect(objects(species['hasMember'])).toHaveLength(1);
    // What has no state waits for nobody's review.
    const waiting = first.members.filter((one) => extensions(one, 'result-state').length > 0);
    expect(waiting.map((one) => drugOf(one) ?? 'organism').sort()).toEqual(['ceftriaxone', 'organism']);
    const told = [first.result, ...first.members]
      .filter((one) => extensions(one, 'suppressed').length === 0)
      .map(refer);
    await done(lab, 'Observation/$review', { result: told });
    expect(await done(lab, `${refer(first.report)}/$release`)).toMatchObject({ status: 'final' });
    const html = await lab.fetch(`${refer(first.report)}/$report?format=text/html`);
    const page = await html.text();
    expect([page.includes('eftriaxone'), page.includes('eropenem'), page.includes('iprofloxacin')]).toEqual([
      ...[true, false, false],
    ]);
    const stored = await found(lab, `Observation?based-on=${order}&status=preliminary`);
    expect(stored.map((one) => String(drugOf(one))).sort()).toEqual(['ciprofloxacin', 'meropenem']);
    const [meropenem = {}] = stored.filter((one) => drugOf(one) === 'meropenem');
    const { extension: _marks, ...without } = meropenem;
    const freed = await send(lab, refer(meropenem), without, 'PUT');
    expect([freed.status, freed.said]).toEqual([409, expect.stringContaining('its extension is changed by')]);

    const reviewed = await send(lab, 'Observation/$review', {
      resourceType: 'Parameters',
      parameter: [{ name: 'result', valueReference: { reference: refer(meropenem) } }],
    });
    expect([reviewed.status, reviewed.said]).toEqual([409, expect.stringContaining('is not reported')]);

    // Asked for by the ward: the correction tells it.
    const asked = [drug('ceftriaxone', '<=0.5'), reported('meropenem', '<=0.25', true)];
    const body = culture(specimen, true, grown('klebsiella-pneumoniae', ...asked), said('reason', 'asked for'));
    const second = await entered(body);
    const now = second.members.find((one) => drugOf(one) === 'meropenem')!;
    expect([now['id'], now['status'], suppressed([now])]).toEqual([meropenem['id'], 'final', {}]);
    expect(objects(second.report['result']).map(({ reference }) => reference)).toContain(refer(now));
  });

  test('report is true or false', async () => {
    const { specimen } = await received('urine-culture');
    const part = [...objects(drug('ampicillin', '2')['part']), said('report', 'perhaps')];
    const body = culture(specimen, true, grown('escherichia-coli', { name: 'susceptibility', part }));
    const answer = await send(lab, 'Observation/$enter-culture', body);
    expect([answer.status, answer.said]).toEqual([400, 'report is true or false.']);
  });
});
