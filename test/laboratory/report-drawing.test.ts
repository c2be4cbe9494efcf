/** Reports are drawn in threads of their own (src/reports/pdf/apart.ts). */
import { afterEach, expect, test } from '@jest/globals';
import type { ReportModel } from '../../src/reports/model.ts';
import { drawingApart, type Drawing, type Limits } from '../../src/reports/pdf/apart.ts';
import { readPdf } from './pdf.ts';

const open: Drawing[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop()));
});

function drawing(limits: Partial<Limits> = {}): Drawing {
  const made = drawingApart(limits);
  open.push(made);
  return made;
}

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

function model(title: string, footer: readonly string[] = []): ReportModel {
  return {
    languages: ['en'],
    direction: 'ltr',
    digits: 'latn',
    title: [title],
    letterhead: { name: 'Laboratory', lines: [], logo: { contentType: 'image/png', data: pixel } },
    status: { code: 'final', text: ['final'] },
    watermark: undefined,
    patient: [],
    order: [],
    specimens: { heads: [], rows: [], title: ['Specimens'] },
    columns: [],
    sections: [],
    conclusion: undefined,
    people: [],
    legend: [],
    footer,
    identity: 'DiagnosticReport/1',
    page: 'Page {page} of {pages}',
    verify: undefined,
  };
}

/** It cannot be drawn. */
const broken = { ...model('broken'), patient: null } as unknown as ReportModel;

test('what was drawn apart is whole, with its picture', async () => {
  const { pages, metadata } = await readPdf(await drawing().draw(1, model('Report of Haddad')));
  expect(pages).toHaveLength(1);
  expect(pages[0]).toContain('Page 1 of 1');
  expect(metadata).toContain('Report of Haddad');
});

test('laboratories take turns, whoever has many reports waits for its own', async () => {
  const { draw } = drawing({ threads: 1 });
  const order: string[] = [];
  const draws = (
    [
      [1, 'a1'],
      [1, 'a2'],
      [1, 'a3'],
      [2, 'b1'],
    ] as const
  ).map(([laboratory, title]) => draw(laboratory, model(title)).then(() => order.push(title)));
  await Promise.all(draws);
  expect(order).toEqual(['a1', 'a2', 'b1', 'a3']);
});

test('of a laboratory only so many wait; another has its own place', async () => {
  const { draw } = drawing({ threads: 1, waiting: 1 });
  const first = draw(1, model('at work'));
  const second = draw(1, model('waits'));
  await expect(draw(1, model('too many'))).rejects.toMatchObject({
    status: 503,
    headers: { 'retry-after': expect.any(String) },
    issues: [{ code: 'throttled' }],
  });
  const other = draw(2, model('other'));
  for (const pdf of await Promise.all([first, second, other])) expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
});

test('what cannot be drawn is an error, and the next is drawn', async () => {
  const { draw } = drawing({ threads: 1 });
  const failing = draw(1, broken);
  const next = draw(1, model('next'));
  await expect(failing).rejects.toThrow(/null/);
  expect((await next).length).toBeGreaterThan(1_000);
});

test('a thread that dies fails what it draws and is replaced; so is one that takes too long', async () => {
  const { draw } = drawing({ threads: 1, memory: 64 });
  const page = 'word '.repeat(100);
  const endless = draw(1, model('large', new Array<string>(60_000).fill(page)));
  const next = draw(1, model('next'));
  await expect(endless).rejects.toThrow(
    'The report could not be drawn: Worker terminated due to reaching memory limit',
  );
  expect((await next).length).toBeGreaterThan(1_000);

  const slow = drawing({ longest: 1 });
  await expect(slow.draw(1, model('slow'))).rejects.toThrow(
    'The report could not be drawn: it took longer than 0.001 s.',
  );
}, 60_000);

test('an idle thread ends; the next report begins another', async () => {
  const { draw } = drawing({ threads: 1, idle: 1 });
  await draw(1, model('first'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await draw(1, model('second'))).length).toBeGreaterThan(1_000);
});

test('who waits when the server stops is told', async () => {
  const one = drawing({ threads: 1 });
  const draws = [one.draw(1, model('at work')), one.draw(1, model('waits'))];
  const told = Promise.allSettled(draws);
  await one.stop();
  expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
