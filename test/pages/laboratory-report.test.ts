/** The report of a laboratory as a page, in a real browser: its direction, its digits, and that nothing runs over. */
import { beforeAll, expect } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { addPatient, done, laboratoryWithCatalogue, resourcesOf, send } from '../laboratory/laboratory.ts';
import type { Laboratory } from '../server.ts';
import { browserTest, useBrowser, type Tab } from './browser.ts';

const newTab = useBrowser();
let lab: Laboratory;
let report: string;

const refer = ({ resourceType, id }: JsonObject): string => `${String(resourceType)}/${String(id)}`;
const values = { potassium: '7.4', sodium: '140', glucose: '15.5', cholesterol: '4.0', tsh: '0.01' };
const comment = 'Hemolysed; a second specimen was asked for by telephone, and comes with the next round of the ward.';

beforeAll(async () => {
  lab = await laboratoryWithCatalogue({ settings: { timezone: 'Africa/Tunis' } });
  const patient = await addPatient(lab, {
    name: [{ family: 'حداد', given: ['ليلى'] }],
    birthDate: '1987-03-09',
    gender: 'female',
    identifier: [{ system: 'urn:mrn', value: 'MRN-4711' }],
  });
  const test = Object.keys(values);
  const order = resourcesOf(await done(lab, 'ServiceRequest/$order', { patient, test }), 'order').map(refer);
  const specimens = resourcesOf(await done(lab, 'Specimen/$accession', { order }), 'specimen').map(refer);
  for (const specimen of specimens) {
    await done(lab, `${specimen}/$collect`);
    await done(lab, `${specimen}/$receive`);
  }
  const result = Object.entries(values).map(([analyte, value]) => ({
    name: 'result',
    part: [
      { name: 'analyte', valueString: analyte },
      { name: 'value', valueString: value },
      ...(analyte === 'potassium' ? [{ name: 'comment', valueString: comment }] : []),
    ],
  }));
  const orders = order.map((reference) => ({ name: 'order', valueReference: { reference } }));
  const entered = await send(lab, 'Observation/$enter-results', {
    resourceType: 'Parameters',
    parameter: [...orders, ...result],
  });
  expect([entered.status, entered.said]).toEqual([200, '']);
  await done(lab, 'Observation/$review', { result: resourcesOf(entered.body, 'result').map(refer) });
  report = refer(resourcesOf(entered.body, 'report')[0] ?? {});
  await done(lab, `${report}/$release`, { conclusion: 'Repeat K+ (5.6 mmol/L) in a week.' });
}, 120_000);

async function opened(query: string, width: number): Promise<Tab> {
  const tab = await newTab();
  await tab.page.setExtraHTTPHeaders({ authorization: `Bearer ${lab.token}` });
  await tab.page.setViewport({ width, height: 900 });
  const answer = await tab.page.goto(`${lab.base}/${report}/$report?format=text/html&${query}`);
  expect(answer?.status()).toBe(200);
  return tab;
}

/** What the browser made of the page; the sheet has no scripts of its own. */
function seen({ page }: Tab): Promise<{
  direction: string;
  wide: number;
  over: string[];
  /** Of the row of potassium: left edges of name and result. */
  edges: number[];
  results: string[];
}> {
  return page.evaluate(() => {
    const { documentElement } = document;
    const all = [...document.querySelectorAll<HTMLElement>('main *')];
    const scrolled = (one: Element): boolean => one.closest('.scroll') !== null;
    const row = document.querySelector('tr.critical');
    const left = (one: Element | null | undefined): number => one?.getBoundingClientRect().left ?? Number.NaN;
    return {
      direction: getComputedStyle(documentElement).direction,
      wide: documentElement.scrollWidth - documentElement.clientWidth,
      over: all
        .filter((one) => !scrolled(one))
        .filter((one) => {
          const { left: from, right: to } = one.getBoundingClientRect();
          return from < -1 || to > documentElement.clientWidth + 1;
        })
        .map((one) => one.outerHTML.slice(0, 80)),
      edges: [left(row?.querySelector('th')), left(row?.querySelector('td.result'))],
      results: [...document.querySelectorAll<HTMLElement>('td.result')].map((one) => one.innerText.trim()),
    };
  });
}

const cases = [
  ['language=en', 'ltr', /^[0-9.]+$/],
  ['language=ar&digits=arab', 'rtl', /^[\u0660-\u0669\u066B]+$/],
  ['language=ar&digits=latn', 'rtl', /^[0-9.]+$/],
  ['language=ar,en&digits=arab', 'rtl', /^[\u0660-\u0669\u066B]+$/],
] as const;

for (const width of [1_100, 360]) {
  browserTest.each(cases)(
    `%s is read in its direction, with its digits, ${width} px wide`,
    async (query, direction, digits) => {
      const tab = await opened(query, width);
      const page = await seen(tab);
      expect([page.direction, page.wide, page.over]).toEqual([direction, 0, []]);
      expect(page.results).toHaveLength(Object.keys(values).length);
      for (const value of page.results) expect(value).toMatch(digits);
      const [name = 0, result = 0] = page.edges;
      expect(result > name).toBe(direction === 'ltr');
      expect(tab.complaints).toEqual([]);
    },
  );
}
