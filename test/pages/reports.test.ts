/**
 * The reports on the audit log as pages, in the three languages: axe-core finds no violation of WCAG 2.2 A and AA, nothing is
 * loaded that their Content-Security-Policy forbids, their style is applied, and nothing is wider than 320 px but tables, which
 * scroll by themselves.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect } from '@jest/globals';
import axe from 'axe-core';
import type { JsonObject } from '../../src/fhir/json.ts';
import { accessReportPage } from '../../src/pages/access-report.ts';
import { activityPage } from '../../src/pages/activity-report.ts';
import { breachPage } from '../../src/pages/breach-report.ts';
import { personOf, recordTables } from '../../src/pages/record-rows.ts';
import { recordFoot, recordHead, tableFoot, tableHead, tableRow } from '../../src/pages/person-record.ts';
import { reportPolicy, type ReportHead } from '../../src/pages/report-document.ts';
import { texts, type Language } from '../../src/pages/texts/language.ts';
import type { Texts } from '../../src/pages/texts/en.ts';
import { browserTest, useBrowser } from './browser.ts';

const head: ReportHead = {
  laboratory: 'Laboratoire Ibn Sina',
  made: '2026-11-22T17:24:00.000Z',
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-11-22T17:24:00.000Z',
  zone: 'Africa/Tunis',
  partial: true,
};
const times = { first: '2026-03-01T08:00:00.000Z', last: '2026-11-20T16:30:00.000Z', count: 1_204, refused: 3 };
const nothing = { first: undefined, last: undefined };

const potassium: JsonObject = {
  status: 'final',
  code: { text: 'بوتاسيوم / Potassium' },
  effectiveDateTime: '2026-01-31T08:15:00+03:00',
  valueQuantity: { value: 4.1, unit: 'mmol/L' },
  interpretation: [{ coding: [{ code: 'H' }] }],
  referenceRange: [{ low: { value: 3.5, unit: 'mmol/L' }, high: { value: 5.1, unit: 'mmol/L' } }],
};

const pages: Readonly<Record<string, (words: Texts) => string>> = {
  record: (words) => {
    const made = new Date(head.made);
    const person = personOf({
      name: [{ given: ['ليلى'], family: 'القاسم' }],
      birthDate: '1987-03-09',
      gender: 'female',
    });
    const tables = recordTables.map(({ title, columns, row }) =>
      [tableHead(title(words), columns(words)), tableRow(row(words, potassium, head.zone)), tableFoot].join(''),
    );
    const { laboratory, zone } = head;
    const first = recordHead(words, { laboratory, number: 'DSR-2026-0123456789', made, until: made, zone }, person);
    return [first, ...tables, recordFoot(words)].join('');
  },
  access: (words) =>
    accessReportPage(words, {
      head,
      patient: { id: 'p1', name: 'ليلى القاسم' },
      events: 1_207,
      refused: 4,
      lines: [
        {
          ...times,
          name: 'Dr Amina Ben Salah',
          username: 'amina',
          reference: 'Practitioner/7',
          subject: '0198-…',
          roles: ['pathologist', 'reviewer'],
          organizations: ['قسم الطوارئ', 'Laboratoire central'],
          client: 'Portal',
          external: false,
          purposes: ['TREAT', 'BTG'],
          seen: [
            { type: 'Observation', count: 40, actions: ['R', 'U'] },
            { type: 'DiagnosticReport', count: 2, actions: ['E'] },
            { type: undefined, count: 0, actions: ['E'] },
          ],
        },
        {
          ...times,
          name: undefined,
          username: undefined,
          reference: undefined,
          subject: 'analyser-1',
          roles: ['interface'],
          organizations: [],
          client: 'analyser-1',
          external: true,
          purposes: [],
          seen: [],
        },
      ],
    }),
  'access-empty': (words) =>
    accessReportPage(words, {
      head: { ...head, from: undefined, partial: false },
      patient: { id: 'p1', name: undefined },
      events: 0,
      refused: 0,
      lines: [],
    }),
  activity: (words) =>
    activityPage(words, {
      head,
      user: 'Practitioner/7',
      name: 'Dr Amina Ben Salah',
      client: 'portal',
      events: 1_204,
      refused: 3,
      signIns: 12,
      failedSignIns: 2,
      days: [
        { ...times, day: '2026-03-01', event: 'search-type', deed: undefined, type: 'Observation' },
        { ...times, day: '2026-03-02', event: 'operation', deed: '$everything', type: 'Patient' },
        { ...times, day: '2026-03-02', event: 'sign-in', deed: undefined, type: undefined },
      ],
      refusals: [
        {
          ...times,
          event: 'access-denied',
          deed: 'read',
          type: 'Observation',
          more: 250,
          reason:
            '403 forbidden: Your scopes do not allow read on Observation: that needs a scope such as system/Observation.r.',
        },
      ],
      addresses: [{ ...times, address: '2001:db8:85a3::8a2e:370:7334' }],
      agents: [{ ...times, roles: ['pathologist'], client: 'Portal', external: true }],
      patients: { total: 2_000, lines: [{ ...times, patient: 'p1' }] },
    }),
  breach: (words) =>
    breachPage(words, {
      head: { ...head, partial: false },
      criteria: [
        ['user', 'amina'],
        ['address', '10.0.0.7'],
      ],
      aware: '2026-11-22T08:00:00.000Z',
      due: '2026-11-25T08:00:00.000Z',
      minutesLeft: 3_756,
      events: 1_204,
      refused: 3,
      first: times.first,
      last: times.last,
      persons: 318,
      records: 1_502,
      categories: [
        { type: 'Observation', label: '', records: 1_400, persons: 318 },
        { type: 'Observation', label: 'R', records: 90, persons: 12 },
        { type: 'DiagnosticReport', label: '', records: 12, persons: 12 },
      ],
      kinds: [{ ...times, event: 'search-type' }],
      officers: [{ name: 'Salma Trabelsi', email: 'dpo@lab.example' }],
    }),
  'breach-overdue': (words) =>
    breachPage(words, {
      head: { ...head, partial: false },
      criteria: [['query', 'agent-role=pathologist&outcome=0']],
      aware: '2026-11-01T08:00:00.000Z',
      due: '2026-11-04T08:00:00.000Z',
      minutesLeft: -26_500,
      events: 0,
      refused: 0,
      ...nothing,
      persons: 0,
      records: 0,
      categories: [],
      kinds: [],
      officers: [],
    }),
};

const open = useBrowser();
let server: Server;
let root: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const [, language = '', name = ''] = (request.url ?? '').split('/');
    response.setHeader('content-security-policy', policyForTest);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(pages[name]?.(texts[language as Language]) ?? '');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise((done) => server.close(done)));

/** axe-core is a script, which the sandbox would not let run. */
const policyForTest = reportPolicy.replace('; sandbox', '');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

async function look(name: string, language: Language): Promise<object> {
  const { page, complaints } = await open({ language });
  await page.setViewport({ width: 320, height: 700 });
  await page.goto(`${root}/${language}/${name}`);
  const shape = await page.evaluate(
    '[document.dir, document.documentElement.lang, document.documentElement.scrollWidth, getComputedStyle(document.querySelector("dd")).fontWeight]',
  );
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate(
    `axe.run({ runOnly: ${JSON.stringify(rules)}, resultTypes: ['violations'] })`,
  )) as { violations: { id: string; nodes: { html: string }[] }[] };
  await page.browserContext().close();
  return {
    shape,
    violations: violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 120)}`),
    complaints: complaints.filter((complaint) => !complaint.includes('favicon')),
  };
}

browserTest.each(Object.keys(pages))(
  '%s',
  async (name) => {
    for (const language of ['en', 'fr', 'ar'] as const) {
      expect(await look(name, language)).toEqual({
        shape: [language === 'ar' ? 'rtl' : 'ltr', language, 320, '600'],
        violations: [],
        complaints: [],
      });
    }
  },
  60_000,
);
