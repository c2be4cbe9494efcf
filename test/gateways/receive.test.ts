/** Messages over a real MLLP connection, from bytes to FHIR and the acknowledgement. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { listMessages } from '../../src/store/messages.ts';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';
import { addInterface, makeBench, message, session, type Bench } from './bench.ts';
import { codeOf, openSender } from './mllp-client.ts';

/** Interfaces are read every few seconds: all that the tests need are made at once. */
const benches: Bench[] = [];
beforeAll(async () => {
  benches.push(...(await Promise.all(Array.from({ length: 17 }, makeBench))));
}, 60_000);
afterAll(() => {
  for (const { sender } of used) sender.close();
});
const used: Bench[] = [];

/** A laboratory of its own for each test, with an interface for messages of a facility of its own. */
function bench(): Bench {
  const next = benches.pop();
  if (next === undefined) throw new Error('More laboratories are needed.');
  used.push(next);
  return next;
}

async function search(lab: Laboratory, query: string): Promise<{ resource: Record<string, unknown> }[]> {
  const answer = await lab.fetch(query);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { entry?: { resource: Record<string, unknown> }[] }).entry ?? [];
}

async function text(lab: Laboratory, query: string): Promise<string> {
  return (await lab.fetch(query)).text();
}

const pid = 'PID|1||4711^^^MRN^MR||القاسم^ليلى||19870309|F';
const obr = 'OBR|1|P-1^HIS|F-1^LIS|24323-8^CMP^LN|||20260131080000|||||||||||||||20260131081000||LAB|F';

describe('ORU^R01', () => {
  test('a result from the message to a FHIR search, digits and zone as they were meant', async () => {
    const made = bench();
    const { lab, sender } = made;
    const [answer] = await sender.send(
      message(
        made,
        'ORU^R01^ORU_R01',
        'm1',
        pid,
        obr,
        'OBX|1|NM|2823-3^K^LN||4.10|mmol/L^^UCUM|3.5-5.1|N|||F',
        'NTE|1||no haemolysis',
      ),
    );
    expect(codeOf(answer)).toBe('AA');
    expect(answer).toMatch(/^MSH\|\^~\\&\|LAB\|HOSP\|APP\|/);
    expect(answer).toMatch(/\rMSA\|AA\|m1\r/);
    const found = await text(
      lab,
      'Observation?code=http://loinc.org|2823-3&patient.identifier=urn:makhbar:hl7v2:authority:MRN|4711',
    );
    expect(found).toContain('"value": 4.10');
    expect(found).toContain('"effectiveDateTime": "2026-01-31T08:00:00+03:00"');
    const [observation] = await search(lab, 'Observation');
    expect(observation?.resource).toMatchObject({
      status: 'final',
      referenceRange: [{ low: { value: 3.5 }, high: { value: 5.1 }, text: '3.5-5.1' }],
      note: [{ text: 'no haemolysis' }],
    });
    const [report] = await search(lab, 'DiagnosticReport?result.code=http://loinc.org|2823-3');
    expect(report?.resource).toMatchObject({
      status: 'final',
      basedOn: [{ reference: expect.stringMatching(/^ServiceRequest\//) }],
    });
  }, 60_000);

  test('sent again it gets the same acknowledgement and makes nothing; a correction makes a version', async () => {
    const made = bench();
    const { lab, sender } = made;
    const first = message(made, 'ORU^R01^ORU_R01', 'm1', pid, obr, 'OBX|1|NM|2823-3^K^LN||4.10|mmol/L^^UCUM|||||P');
    const answers = [
      await sender.send(first),
      await sender.send(first),
      await sender.send(first.replace('|m1|', '|m2|')),
    ];
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]?.[0]).toMatch(/\rMSA\|AA\|m2\r/);
    expect(await search(lab, 'Observation/_history')).toHaveLength(1);
    await sender.send(first.replace('4.10', '6.20').replace('|||||P', '|||||C'));
    const [observation, ...others] = await search(lab, 'Observation');
    expect(others).toEqual([]);
    expect(observation?.resource).toMatchObject({
      status: 'corrected',
      meta: { versionId: '2' },
      valueQuantity: { value: 6.2 },
    });
    expect(await search(lab, 'Patient')).toHaveLength(1);
  }, 60_000);

  test('eight connections at once with results of one new patient make one patient', async () => {
    const made = bench();
    const senders = await Promise.all(Array.from({ length: 8 }, () => openSender(testServer().hl7Port)));
    const answers = await Promise.all(
      senders.map((sender, i) =>
        sender.send(
          message(
            made,
            'ORU^R01^ORU_R01',
            `c${i}`,
            pid,
            obr.replaceAll('-1^', `-${i}^`),
            `OBX|1|NM|2823-3^K^LN||${i}|mmol/L^^UCUM|||||F`,
          ),
        ),
      ),
    );
    expect(answers.map(([answer]) => codeOf(answer))).toEqual(Array.from({ length: 8 }, () => 'AA'));
    expect(await search(made.lab, 'Patient')).toHaveLength(1);
    expect(await search(made.lab, 'Observation')).toHaveLength(8);
    for (const sender of senders) sender.close();
  }, 60_000);
});

describe('ADT', () => {
  test('a patient is registered, changed and an element removed; what is not said stays', async () => {
    const made = bench();
    const { lab, sender } = made;
    await sender.send(message(made, 'ADT^A04^ADT_A01', 'a1', `${pid}|||1 Main^^Aden^^^YE||+967 1 234`));
    await sender.send(message(made, 'ADT^A08^ADT_A01', 'a2', 'PID|1||4711^^^MRN^MR||القاسم^ليلى^حسن||""'));
    const [patient] = await search(lab, 'Patient');
    expect(patient?.resource).toMatchObject({
      gender: 'female',
      name: [{ given: ['ليلى', 'حسن'] }],
      address: [{ city: 'Aden' }],
    });
    expect(patient?.resource).not.toHaveProperty('birthDate');
  }, 60_000);

  test('a relative is made once, however often it is sent', async () => {
    const made = bench();
    const { lab, sender } = made;
    for (const id of ['n1', 'n2']) {
      const [answer] = await sender.send(
        message(made, 'ADT^A04^ADT_A01', id, pid, 'NK1|1|القاسم^حسن|FTH^Father^HL70063'),
      );
      expect(codeOf(answer)).toBe('AA');
    }
    expect(await search(lab, 'RelatedPerson')).toHaveLength(1);
  }, 60_000);

  test('A40 ends an identifier: both patients are linked', async () => {
    const made = bench();
    const { lab, sender } = made;
    await sender.send(message(made, 'ADT^A04^ADT_A01', 'a1', pid));
    await sender.send(message(made, 'ADT^A04^ADT_A01', 'a2', pid.replace('4711', '4712')));
    const [answer] = await sender.send(message(made, 'ADT^A40^ADT_A39', 'a3', pid, 'MRG|4712^^^MRN^MR'));
    expect(codeOf(answer)).toBe('AA');
    const patients = (await search(lab, 'Patient')).map(
      ({ resource }) => resource as { id: string; active?: boolean; link?: unknown },
    );
    const [kept, old] = [
      patients.find(({ active }) => active !== false),
      patients.find(({ active }) => active === false),
    ];
    expect(old?.link).toEqual([{ other: { reference: `Patient/${kept?.id}` }, type: 'replaced-by' }]);
    expect(kept?.link).toEqual([{ other: { reference: `Patient/${old?.id}` }, type: 'replaces' }]);
  }, 60_000);
});

describe('what cannot be applied', () => {
  test('a message without a patient identifier waits as a Task with the field marked', async () => {
    const made = bench();
    const { lab, sender } = made;
    const [answer] = await sender.send(message(made, 'ADT^A04^ADT_A01', 'e1', 'PID|1||||Nobody'));
    expect(codeOf(answer)).toBe('AE');
    expect(answer).toContain('ERR||PID^1^3');
    const [task] = await search(lab, 'Task?code=urn:makhbar:task|message-error');
    expect(task?.resource).toMatchObject({
      status: 'ready',
      description: 'PID-3 must have an identifier of the patient.',
    });
    expect(JSON.stringify(task?.resource['input'])).toContain('PID|1||»«||Nobody');
    const stored = await listMessages(session(lab), { status: 'failed', count: 10 });
    expect(stored.map(({ controlId }) => controlId)).toEqual(['e1']);
  }, 60_000);

  test.each([
    ['an event that is not taken', 'ADT^A99', 'AR', '201'],
    ['a type that is not taken', 'QRY^A19', 'AR', '200'],
  ])(
    '%s',
    async (_, type, code, error) => {
      const made = bench();
      const [answer] = await made.sender.send(message(made, type, 'e2', pid));
      expect(codeOf(answer)).toBe(code);
      expect(answer).toContain(`|${error}^`);
    },
    60_000,
  );

  test('what two interfaces might mean is refused, and goes to none', async () => {
    const made = bench();
    const other = await makeLaboratory();
    await addInterface(other, made.facility);
    let answer: string | undefined;
    for (const end = Date.now() + 120_000; Date.now() < end && codeOf(answer) !== 'AR'; await pause(200)) {
      [answer] = await made.sender.send(message(made, 'DFT^P03', 'e3', pid));
    }
    expect(answer).toContain('No interface, or more than one');
    expect(await listMessages(session(other), { count: 1 })).toEqual([]);
  }, 60_000);

  test('what is no message at all', async () => {
    const made = bench();
    const [answer] = await made.sender.send('MSH');
    expect(codeOf(answer)).toBe('AR');
  }, 60_000);

  test('types that are only kept', async () => {
    const made = bench();
    const [answer] = await made.sender.send(message(made, 'DFT^P03^DFT_P03', 'd1', pid, 'FT1|1'));
    expect(codeOf(answer)).toBe('AA');
    const [stored] = await listMessages(session(made.lab), { status: 'stored', count: 10 });
    expect(stored?.raw.toString()).toBe(message(made, 'DFT^P03^DFT_P03', 'd1', pid, 'FT1|1'));
  }, 60_000);
});

test('§2.10.3 a batch: each message by itself, the acknowledgements as a batch', async () => {
  const made = bench();
  const one = message(made, 'ADT^A04', 'b1', pid);
  const two = message(made, 'ADT^A04', 'b2', pid.replace('4711', '4712'));
  const bad = message(made, 'ADT^A04', 'b3', 'PID|1');
  const [answer = ''] = await made.sender.send(`FHS|^~\\&\rBHS|^~\\&\r${one}${two}${bad}BTS|3\rFTS|1\r`);
  expect(answer).toMatch(/^BHS\|[\s\S]*BTS\|3\r$/);
  expect([...answer.matchAll(/MSA\|([A-Z]{2})\|(b\d)/g)].map(([, code, id]) => `${id} ${code}`)).toEqual([
    'b1 AA',
    'b2 AA',
    'b3 AE',
  ]);
  expect(await search(made.lab, 'Patient')).toHaveLength(2);
  const stored = await listMessages(session(made.lab), { status: 'applied', count: 10 });
  expect(stored.map(({ raw }) => raw.toString())).toEqual([two, one]);
  // A count that is wrong: what came is taken, and the sender is told.
  const three = message(made, 'ADT^A04', 'b4', pid.replace('4711', '4713'));
  const [short] = await made.sender.send(`BHS|^~\\&\r${three}BTS|2\r`);
  expect(short).toMatch(/MSA\|AA\|b4\r[\s\S]*BTS\|1\|The batch tells of 2 messages and 1 came\.\r$/);
}, 60_000);

test('MSH-18 that is not what the bytes are: read as it is, and told', async () => {
  const made = bench();
  const named = message(made, 'ADT^A04', 'c1', pid).replace('|P|2.5.1\r', '|P|2.5.1||||||ASCII\r');
  const [answer] = await made.sender.send(named);
  expect(codeOf(answer)).toBe('AA');
  expect(answer).toMatch(/\rERR\|\|MSH\^1\^18\^1\|103[^|]*\|W\|[^\r]*MSH-18 says ASCII/);
  expect(await search(made.lab, 'Patient?family=القاسم')).toHaveLength(1);
}, 60_000);

test('enhanced mode: CA when it is stored, AA when it is applied, each where it is asked for', async () => {
  const made = bench();
  const enhanced = (controlId: string, rest: string): string =>
    message(made, 'ADT^A04^ADT_A01', controlId, pid).replace('|2.5.1\r', `|2.5.1|||${rest}\r`);
  expect((await made.sender.send(enhanced('x1', 'AL|AL'), 2)).map(codeOf)).toEqual(['CA', 'AA']);
  expect((await made.sender.send(enhanced('x2', 'AL|NE'), 1)).map(codeOf)).toEqual(['CA']);
  expect((await made.sender.send(enhanced('x3', 'NE|AL'), 1)).map(codeOf)).toEqual(['AA']);
}, 60_000);
