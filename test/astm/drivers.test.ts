/**
 * Each driver with a transmission of our own that has its quirks (test/astm/drivers/*.json): what comes out, and that each
 * rule and each member of its link is needed for it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import iconv from 'iconv-lite';
import { recordsOf, type Driver } from '../../src/astm/driver.ts';
import { readDriver } from '../../src/astm/driver-reader.ts';
import { checksum, control } from '../../src/astm/frame.ts';
import { astmLink } from '../../src/astm/link.ts';
import { readQuery } from '../../src/astm/query.ts';
import { standardLink } from '../../src/astm/settings.ts';
import { messagesOf } from '../../src/astm/structure.ts';
import { serializeJson, type JsonObject } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { loadDrivers } from '../../src/gateways/astm/drivers.ts';
import { translateResults } from '../../src/translation/astm/results.ts';

interface Fixture {
  /** Texts of frames, or of a file. */
  readonly frames?: readonly string[];
  readonly file?: string;
  readonly charset?: string;
  readonly framing?: 'text';
  /** Of which charset the sum is, where it is not that of the bytes. */
  readonly sum?: string;
  readonly numbers?: readonly number[];
  /** Frames that end with ETB. */
  readonly etb?: readonly number[];
  readonly enq?: false;
  readonly between?: string;
  readonly observations: readonly string[];
  /** The first record of a type. */
  readonly records?: Readonly<Record<string, string>>;
  readonly asks?: object;
}

const folder = join(import.meta.dirname, '../../drivers');
const drivers = loadDrivers();
const fixtureOf = (id: string): Fixture =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'drivers', `${id}.json`), 'utf8')) as Fixture;

/** What the analyzer puts on the line. */
function transmission(fixture: Fixture): Buffer {
  const { charset = 'utf-8', sum, framing, enq, between = '', etb = [] } = fixture;
  const bytes = (text: string): Buffer => iconv.encode(text, charset);
  const summed = (text: string): string =>
    sum === 'none' ? '' : checksum(sum === undefined ? bytes(text) : iconv.encode(text, sum));
  const frames = (fixture.frames ?? []).map((one, at) => {
    const written = one.replace(/\{(\d+) times (\w+)\}/, (_, times: string, text: string) =>
      text.repeat(Number(times)),
    );
    if (framing === 'text') {
      const gs = sum === 'none' ? '' : '\x1d';
      return bytes(`\x02${written}${gs}${gs && summed(`${written}${gs}`)}\x03\r\n`);
    }
    const text = `${fixture.numbers?.[at] ?? (at + 1) % 8}${written}${etb.includes(at) ? '\x17' : '\x03'}`;
    return bytes(`\x02${text}${summed(text)}\r\n${between}`);
  });
  return Buffer.concat([...(enq === false ? [] : [Buffer.of(control.ENQ)]), ...frames, Buffer.of(control.EOT)]);
}

interface Stored {
  readonly content: Buffer;
  readonly acknowledged: boolean;
}

/** What the host stores of it. */
function stored(driver: Driver, fixture: Fixture): Stored[] {
  if (fixture.file !== undefined) return [{ content: iconv.encode(fixture.file, driver.charset), acknowledged: true }];
  const link = astmLink(driver.link);
  const messages: Stored[] = [];
  for (const byte of transmission(fixture)) {
    for (const action of link.take(Buffer.of(byte), 0)) {
      if (action.kind !== 'message') continue;
      messages.push(action);
      link.stored(true, 0);
    }
  }
  return messages;
}

interface Made {
  readonly observations: readonly string[];
  readonly records: Readonly<Record<string, string>>;
  readonly asks: readonly object[];
  /** Whether each message was stored before its last frame was answered. */
  readonly safe: readonly boolean[];
}

function made(driver: Driver, fixture: Fixture): Made {
  const observations: string[] = [];
  const records: Record<string, string> = {};
  const asks: object[] = [];
  const messages = stored(driver, fixture);
  for (const { content } of messages) {
    const read = recordsOf(driver, content).records;
    for (const { type, text } of read) records[type] ??= text;
    for (const message of messagesOf(read)) {
      asks.push(...message.queries.map(({ record }) => readQuery(record)));
      const work = (number: string) => ({
        specimen: { display: number },
        subject: { reference: 'Patient/p' },
        patientNumbers: [],
        requests: [],
      });
      const settings = { zone: 'Asia/Beirut', systems: {}, mapped: () => undefined, work, sender: 'e' };
      const { entries } = translateResults(message, settings, () => 'id');
      observations.push(...entries.map(({ resource }) => line(resource)));
    }
  }
  return { observations, records, asks, safe: messages.map(({ acknowledged }) => !acknowledged) };
}

/** Specimen, codes, value, unit, status, flags, time and notes of an Observation. */
function line(resource: JsonObject): string {
  expect(validateResource(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
  const found = JSON.parse(serializeJson(resource)) as {
    specimen?: { display: string };
    code: { coding: { code: string }[] };
    valueString?: string;
    valueQuantity?: { comparator?: string; unit?: string };
    status: string;
    interpretation?: { text?: string; coding?: { code: string }[] }[];
    issued?: string;
    effectiveDateTime?: string;
    note?: { text: string }[];
  };
  const { valueQuantity, valueString } = found;
  const digits = /"valueQuantity":\{[^}]*"value":([^,}]+)/.exec(serializeJson(resource))?.[1];
  const text = valueString === undefined ? 'none' : `"${valueString}"`;
  return [
    found.specimen?.display ?? 'control',
    found.code.coding.map(({ code }) => code).join('+'),
    valueQuantity === undefined ? text : `${valueQuantity.comparator ?? ''}${digits}`,
    valueQuantity?.unit,
    found.status,
    ...(found.interpretation ?? []).map((one) => one.text ?? one.coding?.[0]?.code),
    found.issued ?? '',
    ...(found.note ?? []).map((one) => one.text),
  ]
    .filter((one) => one !== undefined && one !== '')
    .join(' ');
}

describe.each([...drivers.keys()])('%s', (id) => {
  const fixture = fixtureOf(id);
  const driver = drivers.get(id)!;

  test('makes of the transmission what it means', () => {
    const { observations, records, asks } = made(driver, fixture);
    expect(observations).toEqual(fixture.observations);
    expect(records).toMatchObject(fixture.records ?? {});
    if (fixture.asks !== undefined) expect(asks).toMatchObject([fixture.asks]);
  });

  test('needs each of its rules, and each member of its link', () => {
    const whole = made(driver, fixture);
    const own = id === 'generic' ? {} : (JSON.parse(readFileSync(join(folder, `${id}.json`), 'utf8')) as JsonObject);
    const { rules = [], link = {} } = own as { rules?: readonly object[]; link?: Readonly<Record<string, unknown>> };
    const without = [
      ...rules.map((rule) => ({ ...own, rules: rules.filter((one) => one !== rule) })),
      ...Object.keys(link).map((name) => ({
        ...own,
        link: Object.fromEntries(Object.entries(link).filter(([one]) => one !== name)),
      })),
    ];
    const unneeded = without.filter((less) => {
      return JSON.stringify(made(readDriver(id, less, drivers), fixture)) === JSON.stringify(whole);
    });
    expect(unneeded.map((less) => JSON.stringify(less))).toEqual([]);
  });
});

describe('a driver that is wrong is refused with a sentence', () => {
  test.each<[object, string]>([
    [{}, 'bad.title must be a text.'],
    [{ title: 'x', quirks: [] }, 'bad has no member quirks.'],
    [{ title: 'x', extends: 'none' }, 'bad.extends names a driver that there is not, none.'],
    [{ title: 'x', charset: 'klingon' }, 'bad.charset is no charset that is known, klingon.'],
    [{ title: 'x', link: { checksum: 'never' } }, 'bad.link.checksum must be one of required, optional, ignored.'],
    [{ title: 'x', link: { frameIn: 0 } }, 'bad.link.frameIn must be a whole number from 1 to 1000000.'],
    [{ title: 'x', link: { lineFeeds: 1 } }, 'bad.link.lineFeeds must be true or false.'],
    [{ title: 'x', rules: {} }, 'bad.rules must be a list.'],
    [{ title: 'x', rules: [{ record: 'R' }] }, 'bad.rules[0] does nothing.'],
    [{ title: 'x', rules: [{ record: 'RR', carry: ['9'] }] }, 'bad.rules[0].record must be the letter of a record.'],
    [{ title: 'x', rules: [{ record: 'R', set: { nine: '' } }] }, 'bad.rules[0].set.nine names no place, nine'],
    [{ title: 'x', rules: [{ record: 'R', replace: { 4: ['('] } }] }, 'bad.rules[0].replace.4 must be a pattern and'],
    [{ title: 'x', rules: [{ record: 'R', where: { 4: '(' }, carry: ['9'] }] }, 'bad.rules[0].where.4 is no regular'],
    [{ title: 'x', decoder: { kind: 'magic' } }, 'bad.decoder.kind must be one of table, tagged, lines, hl7v2.'],
    [{ title: 'x', decoder: { kind: 'table', separator: ';' } }, 'bad.decoder.head must be a list.'],
    [{ title: 'x', pool: {} }, 'bad.pool.separator must be a text.'],
  ])('%j', (driver, sentence) => {
    expect(() => readDriver('bad', driver)).toThrow(sentence);
  });

  const made = mkdtempSync(join(tmpdir(), 'drivers-'));
  afterAll(() => rmSync(made, { recursive: true }));

  test('also where the file is no JSON', () => {
    writeFileSync(join(made, 'cut.json'), '{"title": ');
    expect(() => loadDrivers(pathToFileURL(`${made}/`))).toThrow('drivers/cut.json is no JSON.');
  });
});

describe('what a decoder cannot read is told', () => {
  test.each([
    ['csv-results', 'sample;test;value\nS-1;GLU\n', 'Line 2 has 2 values; there are 3 columns.'],
    ['csv-results', 'sample;test\nS-1;"GLU\n', 'Line 2 has a quote that does not end.'],
    ['csv-results', '\n', 'The file has no lines.'],
    ['csv-results', 'sample;test\n', 'The file has no line with a result.'],
    ['urine-strip-text', 'ID: S-1\nwhat is this line\n', 'Line 2 is no result.'],
    ['urine-strip-text', 'ID: S-1\n', 'The text has no line with a result.'],
    ['biomerieux-mini-vidas', '|x|', 'The value "x" has no name.'],
    ['biomerieux-mini-vidas', '', 'The text holds no values.'],
    ['hl7-in-astm', 'H|\\^&\r', 'The text holds no MSH.'],
  ])('%s %j', (id, content, problem) => {
    expect(recordsOf(drivers.get(id)!, Buffer.from(content))).toMatchObject({ records: [], problem });
  });
});

test('drivers/README.md lists them', () => {
  const rows = readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/^\| `([\w-]+)` +\| (.*?) *\|$/gm);
  const listed = [...rows]
    .map(([, id, title]) => `${id} ${title}`)
    .filter((row) => drivers.has(row.split(' ')[0] ?? ''));
  const known = [...drivers.values()].filter(({ id }) => id !== 'generic').map(({ id, title }) => `${id} ${title}`);
  expect(listed.toSorted()).toEqual(known.toSorted());
});

test('the standard keeps to its own link', () => {
  expect(drivers.get('generic')?.link).toBe(standardLink);
});
