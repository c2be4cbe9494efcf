/** Results through the day: entered, flagged, calculated, verified, held by a control, reviewed, released, corrected, withdrawn, called. */
import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { shippedRoles } from '../../src/access/roles.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { catalogueSystem, codeIn, extensions, object, objects, text } from '../../src/laboratory/terms.ts';
import { signedText } from '../../src/operations/laboratory/results/signature.ts';
import { anyVerificationKey } from '../../src/store/signing-keys.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { eventsOf } from '../audit/log.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';
import { addPatient, done, found, laboratoryWithCatalogue, parameters, resourcesOf, send } from './laboratory.ts';

let lab: Laboratory;
/** Another, with settings and rules of its own. */
let careful: Laboratory;

beforeAll(async () => {
  lab = await laboratoryWithCatalogue();
  careful = await laboratoryWithCatalogue({ settings: { fourEyes: true, releaseFactorMinutes: 15 } });
}, 180_000);

const refer = (resource: JsonObject): string => `${String(resource['resourceType'])}/${String(resource['id'])}`;
const codeOf = (resource: JsonObject): string => codeIn(resource['code'], catalogueSystem) ?? '';
const flagOf = (resource: JsonObject): unknown =>
  objects(object(objects(resource['interpretation'])[0])['coding'])[0]?.['code'];
const stateIn = (resource: JsonObject): unknown => extensions(resource, 'result-state')[0]?.['valueCode'];

interface Received {
  readonly patient: string;
  readonly specimen: string;
  readonly orders: readonly string[];
}

/** A specimen that was received, for these tests. */
async function received(tests: readonly string[], at: Laboratory = lab, patient?: string): Promise<Received> {
  const subject = patient ?? (await addPatient(at, { gender: 'male', birthDate: '1976-05-02' }));
  const orders = resourcesOf(await done(at, 'ServiceRequest/$order', { patient: subject, test: tests }), 'order');
  const answer = await done(at, 'Specimen/$accession', { order: orders.map(refer) });
  const [specimen = {}] = resourcesOf(answer, 'specimen');
  await done(at, `${refer(specimen)}/$collect`);
  await done(at, `${refer(specimen)}/$receive`);
  return { patient: subject, specimen: refer(specimen), orders: orders.map(refer) };
}

type Values = Readonly<Record<string, string | JsonObject>>;

function entering(specimen: string, values: Values, more: JsonObject[] = []): JsonObject {
  const result = Object.entries(values).map(([analyte, value]) => ({
    name: 'result',
    part: [
      { name: 'analyte', valueString: analyte },
      ...(typeof value === 'string' ? [{ name: 'value', valueString: value }] : objects(value['part'])),
    ],
  }));
  return {
    resourceType: 'Parameters',
    parameter: [{ name: 'specimen', valueReference: { reference: specimen } }, ...more, ...result],
  };
}

async function entered(specimen: string, values: Values, at = lab, more: JsonObject[] = []): Promise<JsonObject> {
  const answer = await send(at, 'Observation/$enter-results', entering(specimen, values, more));
  expect([answer.status, answer.said]).toEqual([200, '']);
  return answer.body;
}

const byCode = (answer: JsonObject): Record<string, JsonObject> =>
  Object.fromEntries(resourcesOf(answer, 'result').map((one) => [codeOf(one), one]));

async function read(reference: string, at = lab): Promise<JsonObject> {
  return (await (await at.fetch(reference)).json()) as JsonObject;
}

/** Results that were entered and reviewed, and their report. */
async function reviewed(values: Values, at = lab): Promise<{ report: string; results: Record<string, JsonObject> }> {
  const { specimen } = await received(Object.keys(values), at);
  const answer = await entered(specimen, values, at);
  const results = byCode(answer);
  await done(at, 'Observation/$review', { result: Object.values(results).map(refer) });
  return { report: refer(resourcesOf(answer, 'report')[0] ?? {}), results };
}

describe('entering', () => {
  test('checks, flags and calculates; the report follows', async () => {
    const { specimen } = await received(['electrolytes', 'creatinine', 'egfr']);
    const answer = await entered(specimen, { sodium: '128', potassium: '4', chloride: '104', creatinine: '88.4' });
    const results = byCode(answer);
    expect(Object.keys(results).sort()).toEqual(['chloride', 'creatinine', 'egfr', 'potassium', 'sodium']);
    expect([flagOf(results['sodium']!), flagOf(results['potassium']!)]).toEqual(['L', 'N']);
    expect(JSON.stringify(results['egfr']!['valueQuantity'])).toContain('"value":92');
    expect(results['potassium']).toMatchObject({ status: 'preliminary', referenceRange: [{ low: { value: 3.6 } }] });
    const stored = await (await lab.fetch(refer(results['potassium']!))).text();
    expect(stored).toMatch(/"value":\s?4\.0,/);
    expect(results['egfr']?.['derivedFrom']).toEqual([{ reference: refer(results['creatinine']!) }]);
    const [report] = resourcesOf(answer, 'report');
    expect([report?.['status'], objects(report?.['result']).length]).toEqual(['preliminary', 5]);
    const again = byCode(await entered(specimen, { bicarbonate: '24', creatinine: '120' }));
    expect(JSON.stringify(again['anion-gap']!['valueQuantity'])).toContain('"value":0');
    expect([again['egfr']?.['id'], object(again['egfr']?.['meta'])['versionId']]).toEqual([
      results['egfr']?.['id'],
      '2',
    ]);
    expect(object(again['egfr']?.['valueQuantity'])['value']).toBeLessThan(92);
  });

  test('units, dilution, comments and flags of the instrument', async () => {
    const { specimen } = await received(['glucose']);
    const part = [
      { name: 'value', valueQuantity: { value: 12.5, code: 'mmol/L', system: 'http://unitsofmeasure.org' } },
      { name: 'dilution', valueDecimal: 2 },
      { name: 'comment', valueString: 'diluted' },
      { name: 'flag', valueString: 'Q' },
    ];
    const { glucose } = byCode(await entered(specimen, { glucose: { part } }));
    expect(object(glucose?.['valueQuantity'])['value']).toBe(25);
    expect(extensions(glucose ?? {}, 'dilution')[0]?.['valueDecimal']).toBe(2);
    expect(extensions(glucose ?? {}, 'instrument-flag')[0]?.['valueString']).toBe('Q');
    expect(objects(glucose?.['note'])[0]?.['text']).toBe('diluted');
  });

  test('the delta check looks at what was released before', async () => {
    const first = await received(['potassium']);
    const before = byCode(await entered(first.specimen, { potassium: '3.9' }));
    await done(lab, 'Observation/$review', { result: refer(before['potassium']!) });
    const [report] = await found(lab, `DiagnosticReport?based-on=${first.orders.join()}`);
    await done(lab, `${refer(report!)}/$release`);
    const second = await received(['potassium'], lab, first.patient);
    const { potassium } = byCode(await entered(second.specimen, { potassium: '5.2' }));
    expect(extensions(potassium!, 'delta')[0]?.['valueString']).toMatch(/^differs by 1\.3 from 3\.9 of /);
  });

  test.each<[string, Values, number, string]>([
    ['an analyte that no order asks for', { sodium: '140' }, 422, 'No order asks for the analyte "sodium"'],
    ['a value that cannot be', { potassium: '44' }, 422, 'outside of what is possible'],
    ['a text for a number', { potassium: 'high' }, 422, 'is none of Quantity'],
    [
      'a unit that cannot be converted',
      { potassium: { part: [{ name: 'value', valueQuantity: { value: 4, code: 's' } }] } },
      422,
      'cannot be converted',
    ],
    ['a part that is unknown', { potassium: { part: [{ name: 'colour', valueString: 'red' }] } }, 400, 'colour'],
    ['no value', { potassium: { part: [] } }, 400, 'value'],
  ])('%s is refused, and nothing is stored', async (_, values, status, sentence) => {
    const { specimen, orders } = await received(['potassium', 'chloride']);
    const answer = await send(lab, 'Observation/$enter-results', entering(specimen, { chloride: '100', ...values }));
    expect([answer.status, answer.said]).toEqual([status, expect.stringContaining(sentence)]);
    expect(await found(lab, `Observation?based-on=${orders.join()}`)).toEqual([]);
  });

  test('a result for an order that was taken back is refused', async () => {
    const { specimen, orders } = await received(['potassium', 'chloride']);
    await done(lab, `${orders[0]}/$cancel`, { reason: 'x' });
    const answer = await send(lab, 'Observation/$enter-results', entering(specimen, { potassium: '4' }));
    expect([answer.status, answer.said]).toEqual([409, expect.stringContaining('is revoked')]);
  });
});

describe('review and release', () => {
  test('a report becomes partial, then final; what was released is signed', async () => {
    const { report, results } = await reviewed({ potassium: '4', chloride: '100' });
    const part = await done(lab, `${report}/$release`, { result: refer(results['potassium']!) });
    expect(part['status']).toBe('partial');
    const whole = await done(lab, `${report}/$release`, { conclusion: 'Nothing remarkable.' });
    expect([whole['status'], whole['conclusion']]).toEqual(['final', 'Nothing remarkable.']);
    expect((await read(refer(results['chloride']!)))['status']).toBe('final');
    const second = await send(lab, `${report}/$release`, parameters({}));
    expect([second.status, second.said]).toEqual([
      409,
      expect.stringMatching(/is final: the step release is possible/),
    ]);
    const [provenance] = await found(lab, `Provenance?target=${refer(results['chloride']!)}`);
    const targets = objects(provenance?.['target']).map(({ reference }) => String(reference));
    const [signature = {}] = objects(provenance?.['signature']);
    const [header = '', , signed = ''] = Buffer.from(String(signature['data']), 'base64').toString().split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
    const key = await anyVerificationKey(sessionOf(testDatabase(), lab.tenant.id), kid);
    const resources = await Promise.all(targets.map((one) => read(one)));
    const jwk = JSON.parse(key?.publicJwk ?? '{}') as JsonWebKey;
    const holds = (all: readonly JsonObject[]): boolean =>
      verify(
        null,
        Buffer.from(`${header}.${Buffer.from(signedText(all)).toString('base64url')}`),
        createPublicKey({ key: jwk, format: 'jwk' }),
        Buffer.from(signed, 'base64url'),
      );
    expect(targets).toHaveLength(2);
    expect(holds(resources)).toBe(true);
    expect(holds(resources.map((one) => ({ ...one, status: 'amended' })))).toBe(false);
  });

  test('a consent about somebody takes from nobody the right to approve and correct results of others', async () => {
    const concept = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] });
    const consent = await send(lab, 'Consent', {
      ...{ resourceType: 'Consent', status: 'active' },
      patient: { reference: await addPatient(lab) },
      scope: concept('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
      category: [concept('http://loinc.org', '59284-0')],
      policyRule: concept('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'OPTIN'),
      provision: {
        type: 'permit',
        provision: [{ type: 'deny', class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Observation' }] }],
      },
    });
    expect([consent.status, consent.said]).toEqual([201, '']);
    const pathologist = await signIn(lab.tenant, 'user/*.cruds', 'salma', {
      ...{ roles: ['pathologist'], roleScopes: shippedRoles.get('pathologist')?.scopes ?? [] },
      ...{ consent: 'enforced', clearance: 'all', fhirUser: 'Practitioner/salma' },
    });
    const { report, results } = await reviewed({ potassium: '4' });
    const result = refer(results['potassium']!);
    await done(pathologist, 'Observation/$approve', { result });
    await done(pathologist, `${report}/$release`);
    await done(pathologist, `${result}/$correct`, { value: '4.1', reason: 'mixed up' });
    const technician = await signIn(lab.tenant, 'user/*.cruds', 'tarek', {
      ...{ roles: ['technician'], roleScopes: shippedRoles.get('technician')?.scopes ?? [], consent: 'enforced' },
    });
    const refused = await send(technician, `${result}/$correct`, parameters({ value: '4.2', reason: 'x' }));
    expect([refused.status, refused.said]).toEqual([403, expect.stringContaining('those who may release')]);
  });

  test('what was not reviewed is not released, and what is released is not entered again', async () => {
    const { specimen } = await received(['potassium']);
    const answer = await entered(specimen, { potassium: '4' });
    const [report] = resourcesOf(answer, 'report');
    const early = await send(lab, `${refer(report!)}/$release`, parameters({}));
    expect([early.status, early.said]).toEqual([
      409,
      expect.stringMatching(/is entered: the step release is possible/),
    ]);
    const { potassium } = byCode(answer);
    await done(lab, 'Observation/$review', { result: refer(potassium!) });
    await done(lab, 'Observation/$approve', { result: refer(potassium!) });
    await done(lab, `${refer(report!)}/$release`);
    const again = await send(lab, 'Observation/$enter-results', entering(specimen, { potassium: '5' }));
    expect([again.status, again.said]).toEqual([409, expect.stringMatching(/is released: the step enter is possible/)]);
    expect(object((await read(refer(potassium!)))['meta'])['versionId']).toBe('4');
  });

  test('a technician enters and reviews, but does not approve, release or correct', async () => {
    const scopes = [
      'user/Specimen.rs user/Patient.rs user/ServiceRequest.rus user/Observation.rs user/DiagnosticReport.rs',
      'user/Observation.cu?status=registered,preliminary,cancelled',
      'user/DiagnosticReport.cu?status=registered,partial,preliminary,cancelled',
    ].join(' ');
    const technician = await signIn(lab.tenant, scopes, 'technician');
    const { specimen } = await received(['potassium']);
    const answer = await entered(specimen, { potassium: '4' }, technician);
    const name = refer(byCode(answer)['potassium']!);
    await done(technician, 'Observation/$review', { result: name });
    const report = refer(resourcesOf(answer, 'report')[0]!);
    const refusals = [
      await send(technician, 'Observation/$approve', parameters({ result: name })),
      await send(technician, `${report}/$release`, parameters({})),
      await send(technician, `${name}/$correct`, parameters({ value: '5', reason: 'x' })),
      await send(
        technician,
        'Observation/$control-release',
        parameters({ device: 'Device/x', analyte: 'y', reason: 'z' }),
      ),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect([(await read(name))['status'], (await read(report))['status']]).toEqual(['preliminary', 'preliminary']);
    const other = await makeLaboratory();
    expect((await send(other, `${report}/$release`, parameters({}))).status).toBe(404);
  });

  test('four eyes: who entered it alone does not release it', async () => {
    const { report } = await reviewed({ potassium: '4' }, careful);
    const alone = await send(careful, `${report}/$release`, parameters({}));
    expect([alone.status, alone.said]).toEqual([409, expect.stringContaining('was entered by you')]);
    const second = await signIn(careful.tenant, 'system/*.cruds', 'second');
    expect((await done(second, `${report}/$release`))['status']).toBe('final');
  });
});

describe('after the release', () => {
  test('a correction keeps the old version, and what was calculated follows', async () => {
    const values = { creatinine: '88.4', potassium: '4' };
    const { specimen } = await received([...Object.keys(values), 'egfr']);
    const answer = await entered(specimen, values);
    const results = byCode(answer);
    const report = refer(resourcesOf(answer, 'report')[0]!);
    const early = await send(
      lab,
      `${refer(results['creatinine']!)}/$correct`,
      parameters({ value: '100', reason: 'x' }),
    );
    expect([early.status, early.said]).toEqual([409, expect.stringContaining('the step correct is possible')]);
    await done(lab, 'Observation/$review', { result: Object.values(results).map(refer) });
    await done(lab, `${report}/$release`);
    const corrected = byCode(
      await done(lab, `${refer(results['creatinine']!)}/$correct`, { value: '120', reason: 'wrong tube' }),
    );
    expect(corrected['creatinine']).toMatchObject({ status: 'corrected', valueQuantity: { value: 120 } });
    expect(corrected['egfr']).toMatchObject({ status: 'corrected' });
    expect(objects(corrected['creatinine']?.['note']).at(-1)?.['text']).toBe('Corrected: wrong tube');
    expect((await read(report))['status']).toBe('corrected');
    const history = await found(lab, `${refer(results['creatinine']!)}/_history`);
    expect(history.map((one) => object(one['valueQuantity'])['value'])).toEqual([120, 88, 88, 88]);
  });

  test('what was calculated goes with what it was calculated of', async () => {
    const { specimen } = await received(['creatinine', 'egfr', 'electrolytes']);
    const values = { creatinine: '88.4', sodium: '140', chloride: '103', bicarbonate: '25' };
    const answer = await entered(specimen, values);
    const { creatinine, egfr, sodium, chloride, bicarbonate, 'anion-gap': gap } = byCode(answer);
    await done(lab, 'Observation/$cancel-result', { result: refer(sodium!), reason: 'haemolysed' });
    expect([(await read(refer(gap!)))['status'], (await read(refer(chloride!)))['status']]).toEqual([
      'cancelled',
      'preliminary',
    ]);
    const rest = [creatinine!, egfr!, chloride!, bicarbonate!];
    await done(lab, 'Observation/$review', { result: rest.map(refer) });
    const report = refer(resourcesOf(answer, 'report')[0]!);
    await done(lab, `${report}/$release`);
    await done(lab, `${refer(creatinine!)}/$withdraw`, { reason: 'wrong tube' });
    const after = await read(refer(egfr!));
    expect([after['status'], objects(after['note']).at(-1)?.['text']]).toEqual([
      'entered-in-error',
      `Withdrawn: it rests on ${refer(creatinine!)}: wrong tube`,
    ]);
    const shown = objects((await read(report))['result']).map(({ reference }) => reference);
    expect(new Set(shown)).toEqual(new Set([refer(chloride!), refer(bicarbonate!)]));
  });

  test('a withdrawal is everywhere at once', async () => {
    const { report, results } = await reviewed({ potassium: '4', chloride: '100' });
    await done(lab, `${report}/$release`);
    await done(lab, `${refer(results['potassium']!)}/$withdraw`, { reason: 'wrong patient' });
    const now = await read(report);
    expect([now['status'], objects(now['result'])]).toEqual([
      'corrected',
      [{ reference: refer(results['chloride']!) }],
    ]);
    await done(lab, `${report}/$withdraw`, { reason: 'wrong patient' });
    expect([(await read(report))['status'], (await read(refer(results['chloride']!)))['status']]).toEqual([
      'entered-in-error',
      'entered-in-error',
    ]);
    const again = await send(lab, `${report}/$withdraw`, parameters({ reason: 'x' }));
    expect([again.status, again.said]).toEqual([409, expect.stringContaining('is entered-in-error')]);
  });
});

describe('critical results', () => {
  test('wait for a call that was read back', async () => {
    const { specimen } = await received(['potassium']);
    const answer = await entered(specimen, { potassium: '7.1' });
    const { potassium } = byCode(answer);
    expect([flagOf(potassium!), resourcesOf(answer, 'outcome').length]).toEqual(['HH', 1]);
    const open = `Task?focus=${refer(potassium!)}&status=requested`;
    expect(await found(lab, open)).toMatchObject([{ priority: 'stat', for: potassium?.['subject'] }]);
    const call = `${refer(potassium!)}/$call-back`;
    const unread = await send(lab, call, parameters({ receiver: 'Dr Haddad', readBack: false }));
    expect([unread.status, unread.said]).toEqual([422, expect.stringContaining('read back')]);
    const communication = await done(lab, call, { receiver: 'Dr Haddad', readBack: true, note: 'ward 3' });
    expect(communication).toMatchObject({ status: 'completed', recipient: [{ display: 'Dr Haddad' }] });
    expect(await found(lab, open)).toEqual([]);
    const again = await send(lab, call, parameters({ receiver: 'Dr Haddad', readBack: true }));
    expect([again.status, again.said]).toEqual([409, expect.stringContaining('waits for no call')]);
  });

  test('nobody is asked twice to call, nor about what is not critical any more', async () => {
    const { specimen } = await received(['potassium', 'sodium']);
    const { potassium, sodium } = byCode(await entered(specimen, { potassium: '7.1', sodium: '180' }));
    const waiting = async (result: JsonObject | undefined): Promise<number> =>
      (await found(lab, `Task?focus=${refer(result!)}&code=critical-result&status=requested`)).length;
    expect([await waiting(potassium), await waiting(sodium)]).toEqual([1, 1]);
    await entered(specimen, { potassium: '7.3' });
    expect([await waiting(potassium), await waiting(sodium)]).toEqual([1, 1]);
    await entered(specimen, { potassium: '4.1' });
    expect([await waiting(potassium), await waiting(sodium)]).toEqual([0, 1]);
    await done(lab, 'Observation/$cancel-result', { result: refer(sodium!), reason: 'wrong tube' });
    expect(await waiting(sodium)).toBe(0);
  });

  test('of a released one: told anew where it is corrected to another, and not where it is withdrawn', async () => {
    const { report, results } = await reviewed({ potassium: '7.1', sodium: '180' });
    await done(lab, `${report}/$release`);
    const [potassium, sodium] = [refer(results['potassium']!), refer(results['sodium']!)];
    const waiting = async (): Promise<unknown[]> =>
      (await found(lab, `Task?focus=${potassium},${sodium}&code=critical-result&status=requested`)).map(
        ({ focus }) => object(focus)['reference'],
      );
    await done(lab, `${potassium}/$call-back`, { receiver: 'Dr Haddad', readBack: true });
    expect(await waiting()).toEqual([sodium]);
    await done(lab, `${potassium}/$correct`, { value: '7.9', reason: 'diluted' });
    expect(new Set(await waiting())).toEqual(new Set([potassium, sodium]));
    await done(lab, `${potassium}/$correct`, { value: '4.1', reason: 'another tube' });
    expect(await waiting()).toEqual([sodium]);
    await done(lab, `${sodium}/$withdraw`, { reason: 'another tube' });
    expect(await waiting()).toEqual([]);
  });
});

describe('the order of a panel', () => {
  interface Panel {
    readonly order: string;
    readonly specimen: string;
    /** By the code of the test. */
    readonly parts: Readonly<Record<string, string>>;
  }

  async function panel(): Promise<Panel> {
    const subject = { reference: await addPatient(lab, { gender: 'male', birthDate: '1976-05-02' }) };
    const code = { coding: [{ system: 'http://loinc.org', code: '24326-1' }] };
    const { body } = await send(lab, 'ServiceRequest', {
      ...{ resourceType: 'ServiceRequest', status: 'active', intent: 'order', subject, code },
    });
    const [specimen = {}] = resourcesOf(await done(lab, 'Specimen/$accession', { order: refer(body) }), 'specimen');
    await done(lab, `${refer(specimen)}/$collect`);
    await done(lab, `${refer(specimen)}/$receive`);
    const parts = await found(lab, `ServiceRequest?based-on=${refer(body)}`);
    return {
      ...{ order: refer(body), specimen: refer(specimen) },
      parts: Object.fromEntries(parts.map((one) => [codeOf(one), refer(one)])),
    };
  }

  async function released(specimen: string, values: Values): Promise<Record<string, JsonObject>> {
    const answer = await entered(specimen, values);
    const results = byCode(answer);
    await done(lab, 'Observation/$review', { result: Object.values(results).map(refer) });
    const report = refer(resourcesOf(answer, 'report')[0] ?? {});
    await done(lab, `${report}/$release`, { result: Object.values(results).map((one) => ({ reference: refer(one) })) });
    return results;
  }

  const status = async (reference: string): Promise<unknown> => (await read(reference))['status'];

  async function plainly(order: string, value: string): Promise<number> {
    const answer = await lab.fetch(order, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'replace', path: '/status', value }]),
    });
    return answer.status;
  }

  test('a plain write that takes it back, holds it or lets it go does so with its tests', async () => {
    const { order, parts } = await panel();
    const all = async (): Promise<Set<unknown>> => new Set(await Promise.all(Object.values(parts).map(status)));
    for (const next of ['on-hold', 'active', 'revoked']) {
      expect(await plainly(order, next)).toBe(200);
      expect([await status(order), await all()]).toEqual([next, new Set([next])]);
    }
    expect([await plainly(order, 'active'), await all()]).toEqual([409, new Set(['revoked'])]);
    const [part = {}] = await found(lab, `ServiceRequest?based-on=${order}`);
    expect(objects(part['note']).at(-1)?.['text']).toBe('Cancelled: its order is revoked');
    const other = await panel();
    await released(other.specimen, { sodium: '140' });
    const rest = Object.entries(other.parts).filter(([code]) => code !== 'sodium');
    for (const [, one] of rest) expect(await plainly(one, 'revoked')).toBe(200);
    expect(await status(other.order)).toBe('completed');
  });

  test('is done when its tests are, and open again when one of them is', async () => {
    const { order, specimen, parts } = await panel();
    await released(specimen, { sodium: '140', potassium: '4' });
    expect([await status(parts['sodium'] ?? ''), await status(order)]).toEqual(['completed', 'active']);
    const { chloride } = await released(specimen, { chloride: '104', bicarbonate: '24' });
    expect([await status(parts['anion-gap'] ?? ''), await status(order)]).toEqual(['completed', 'completed']);
    await done(lab, `${refer(chloride ?? {})}/$withdraw`, { reason: 'another tube' });
    expect([await status(parts['chloride'] ?? ''), await status(order)]).toEqual(['active', 'active']);
    await released(specimen, { chloride: '105' });
    expect([await status(parts['chloride'] ?? ''), await status(order)]).toEqual(['completed', 'completed']);
  });

  test('is done when the last of them is cancelled, and taken back when all are', async () => {
    const { order, specimen, parts } = await panel();
    await released(specimen, { sodium: '140', potassium: '4', chloride: '104' });
    const cancel = (one: string | undefined): Promise<JsonObject> => done(lab, `${one}/$cancel`, { reason: 'no tube' });
    await cancel(parts['bicarbonate']);
    expect(await status(order)).toBe('active');
    await cancel(parts['anion-gap']);
    expect(await status(order)).toBe('completed');
    const other = await panel();
    for (const one of Object.values(other.parts)) await cancel(one);
    expect(await status(other.order)).toBe('revoked');
  });
});

function control(device: string, values: readonly (readonly [level: string, value: number])[]): JsonObject {
  const result = values.map(([level, value]) => ({
    name: 'result',
    part: [
      { name: 'analyte', valueString: 'potassium' },
      { name: 'level', valueString: level },
      { name: 'value', valueDecimal: value },
      { name: 'mean', valueDecimal: 4 },
      { name: 'sd', valueDecimal: 0.1 },
    ],
  }));
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'device', valueReference: { reference: device } },
      { name: 'lot', valueString: 'A1' },
      ...result,
    ],
  };
}

async function device(at: Laboratory): Promise<string> {
  const { body } = await send(at, 'Device', { resourceType: 'Device', status: 'active' });
  return refer(body);
}

const rules = {
  resourceType: 'PlanDefinition',
  status: 'active',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/plan-definition-type', code: 'eca-rule' }] },
  topic: [{ coding: [{ system: 'urn:makhbar:laboratory', code: 'autoverification' }] }],
  action: [
    ['Critical', '%critical'],
    ['Delta', '%delta'],
    ['Not normal', "%interpretation.empty() or %interpretation != 'N'"],
    ['Control', "%control.empty() or %control != 'in-control'"],
    ['Instrument', '%flags.exists()'],
  ].map(([title = '', expression = '']) => ({
    title,
    condition: [{ kind: 'applicability', expression: { language: 'text/fhirpath', expression } }],
  })),
};

describe('formulas', () => {
  /** References must lead to what is there, and what is normal is released by a rule. */
  let strict: Laboratory;
  beforeAll(async () => {
    strict = await laboratoryWithCatalogue({ settings: { referentialIntegrity: true } });
    await send(strict, 'PlanDefinition', {
      ...rules,
      action: rules.action.filter(({ title }) => title === 'Not normal'),
    });
  }, 120_000);

  test('what is calculated names what it is made of, and is not released before it', async () => {
    const { specimen } = await received(['electrolytes'], strict);
    const normal = byCode(await entered(specimen, { sodium: '140', chloride: '103', bicarbonate: '25' }, strict));
    const inputs = ['sodium', 'chloride', 'bicarbonate'].map((one) => ({ reference: refer(normal[one]!) }));
    expect(normal['anion-gap']).toMatchObject({ status: 'final', derivedFrom: inputs });
    const other = await received(['electrolytes'], strict);
    const high = byCode(await entered(other.specimen, { sodium: '147', chloride: '107', bicarbonate: '28' }, strict));
    expect([high['sodium'], high['anion-gap']].map((one) => [flagOf(one!), one?.['status']])).toEqual([
      ['H', 'preliminary'],
      ['N', 'preliminary'],
    ]);
    const told = extensions(high['anion-gap']!, 'verification').map(({ valueString }) => valueString);
    expect(told).toContain('Held: a value that it is calculated of waits for a person.');
  });

  test('what was measured is not calculated, whatever comes after it', async () => {
    const { specimen } = await received(['electrolytes']);
    const measured = { sodium: '140', chloride: '103', bicarbonate: '25', 'anion-gap': '14' };
    const before = byCode(await entered(specimen, measured));
    expect(Object.keys(byCode(await entered(specimen, { chloride: '100' })))).toEqual(['chloride']);
    expect(await read(refer(before['anion-gap']!))).toMatchObject({
      ...{ meta: { versionId: '1' }, valueQuantity: { value: 14 } },
    });
  });
});

describe('quality control', () => {
  test('a failed control holds results, old and new, until somebody who may lets them go', async () => {
    const own = careful;
    await send(own, 'PlanDefinition', rules);
    const [analyzer, other] = [await device(own), await device(own)];
    const from = (one: string): JsonObject[] => [{ name: 'device', valueReference: { reference: one } }];
    for (const one of [analyzer, other]) {
      const passed = await send(
        own,
        'Observation/$control-run',
        control(one, [
          ['1', 4.1],
          ['2', 3.9],
        ]),
      );
      expect([passed.status, resourcesOf(passed.body, 'hold')]).toEqual([200, []]);
    }
    const normal = byCode(
      await entered((await received(['potassium'], own)).specimen, { potassium: '4' }, own, from(analyzer)),
    );
    expect([normal['potassium']?.['status'], stateIn(normal['potassium']!)]).toEqual(['final', 'released']);
    const waiting = byCode(
      await entered((await received(['potassium'], own)).specimen, { potassium: '5' }, own, from(analyzer)),
    );
    const told = extensions(waiting['potassium']!, 'verification').map(({ valueString }) => text(valueString));
    expect(told).toContain('Held: Not normal (interpretation H)');
    expect(told).toContain('Passed: Control (control in-control)');
    const failed = await send(own, 'Observation/$control-run', control(analyzer, [['1', 4.35]]));
    expect(resourcesOf(failed.body, 'hold')[0]).toMatchObject({ status: 'requested' });
    expect(stateIn(await read(refer(waiting['potassium']!), own))).toBe('held');
    const held = await entered((await received(['potassium'], own)).specimen, { potassium: '4' }, own, from(analyzer));
    const name = refer(byCode(held)['potassium']!);
    expect(stateIn(byCode(held)['potassium']!)).toBe('held');
    const review = await send(own, 'Observation/$review', parameters({ result: name }));
    expect([review.status, review.said]).toEqual([409, expect.stringMatching(/is held: the step review is possible/)]);
    const elsewhere = byCode(
      await entered((await received(['potassium'], own)).specimen, { potassium: '4' }, own, from(other)),
    );
    expect(elsewhere['potassium']?.['status']).toBe('final');
    const letGo = { device: analyzer, analyte: 'potassium', reason: 'new reagent, control repeated' };
    const answer = await done(own, 'Observation/$control-release', letGo);
    expect((answer['parameter'] as JsonObject[]).at(-1)).toEqual({ name: 'count', valueInteger: 2 });
    await done(own, 'Observation/$review', { result: name });
    const twice = await send(own, 'Observation/$control-release', parameters(letGo));
    expect([twice.status, twice.said]).toEqual([409, expect.stringContaining('No failed control')]);
    const chart = await done(own, 'Observation/$levey-jennings', { device: analyzer, analyte: 'potassium' });
    const points = (chart['parameter'] as JsonObject[]).filter(({ name: one }) => one === 'point');
    const rejected = points.map(
      ({ part }) => objects(part).find(({ name: one }) => one === 'rejected')?.['valueBoolean'],
    );
    expect(rejected.filter((one) => one === true)).toHaveLength(1);
    const svg = await own.fetch(`Observation/$levey-jennings?device=${analyzer}&analyte=potassium&picture=svg`);
    expect([svg.status, svg.headers.get('content-type')]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    expect((await svg.text()).match(/<circle [^>]*><title>/g)).toHaveLength(3);
  });

  test('who enters results runs controls, who only reads does not', async () => {
    const run = control(await device(lab), [['1', 4]]);
    const technician = await signIn(lab.tenant, 'user/*.cruds', 'tarek', {
      roleScopes: shippedRoles.get('technician')?.scopes ?? [],
    });
    expect((await send(technician, 'Observation/$control-run', run)).status).toBe(200);
    const reader = await signIn(lab.tenant, 'user/Observation.rs user/Device.rs', 'reader');
    expect((await send(reader, 'Observation/$control-run', run)).status).toBe(403);
  });

  test('a control without a target needs enough results to compute one', async () => {
    const given = control(await device(lab), [['1', 4]]);
    const [, , result] = given['parameter'] as JsonObject[];
    const part = objects(result?.['part']).slice(0, 3);
    const answer = await send(lab, 'Observation/$control-run', {
      ...given,
      parameter: [...(given['parameter'] as JsonObject[]).slice(0, 2), { name: 'result', part }],
    });
    expect([answer.status, answer.said]).toEqual([422, expect.stringContaining('only 0 results of this lot, not 20')]);
  });
});

test('each step is one event', async () => {
  const { specimen, patient } = await received(['potassium']);
  const asked = async (path: string, body: JsonObject): Promise<JsonObject> => {
    const id = `r-${path.replaceAll(/\W/g, '').slice(0, 50)}`;
    const headers = { 'content-type': 'application/fhir+json', 'x-request-id': id };
    const answer = await lab.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    const events = await eventsOf(lab, id);
    expect([path, answer.status, events.length]).toEqual([path, 200, 1]);
    expect(JSON.stringify(events)).toContain(patient.slice('Patient/'.length));
    return (await answer.json()) as JsonObject;
  };
  const answer = await asked('Observation/$enter-results', entering(specimen, { potassium: '7.2' }));
  const name = refer(byCode(answer)['potassium']!);
  const report = refer(resourcesOf(answer, 'report')[0]!);
  await asked(`${name}/$call-back`, parameters({ receiver: 'Dr Haddad', readBack: true }));
  await asked('Observation/$review', parameters({ result: name }));
  await asked(`${report}/$release`, parameters({}));
  await asked(`${name}/$correct`, parameters({ value: '4.2', reason: 'haemolysed' }));
  await asked(`${name}/$withdraw`, parameters({ reason: 'wrong patient' }));
});
