/** The state machine of data-subject requests, cell by cell, and its dates. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { dueDay, extendedDay, monthsAfter } from '../../src/privacy/due.ts';
import { parts, rights, stages } from '../../src/privacy/request-task.ts';
import { next, statuses, steps, stepOf, type Status, type Step } from '../../src/privacy/steps.ts';

const cells: Record<Status, readonly string[]> = {
  //           acknowledge verify forward extend accept carry-out refuse complete fail cancel
  requested: ['received', '-', 'requested', '-', '-', '-', 'rejected', '-', '-', 'cancelled'],
  received: ['-', 'received', 'received', 'received', 'accepted', '-', 'rejected', '-', '-', 'cancelled'],
  accepted: ['-', 'accepted', 'accepted', 'accepted', '-', 'in-progress', 'rejected', '-', '-', 'cancelled'],
  'in-progress': ['-', '-', 'in-progress', 'in-progress', '-', 'in-progress', '-', 'completed', 'failed', 'cancelled'],
  completed: ['-', '-', '-', '-', '-', '-', '-', '-', '-', '-'],
  failed: ['-', '-', '-', '-', '-', '-', '-', '-', '-', '-'],
  rejected: ['-', '-', '-', '-', '-', '-', '-', '-', '-', '-'],
  cancelled: ['-', '-', '-', '-', '-', '-', '-', '-', '-', '-'],
};

const all = statuses.flatMap((status) =>
  steps.map((step, at): [Status, Step, string] => [status, step, cells[status][at] ?? '']),
);

describe('states and steps', () => {
  test.each(all)('%s × %s → %s', (status, step, expected) => {
    if (expected !== '-') {
      expect(next(status, step)).toBe(expected);
      return;
    }
    expect(() => next(status, step)).toThrow(OutcomeError);
    expect(() => next(status, step)).toThrow(new RegExp(`that is ${status} does not take the step ${step}: .+`));
  });

  test('every cell is in the table', () => {
    expect(all).toHaveLength(80);
    expect(all.every(([, , cell]) => cell !== '')).toBe(true);
  });

  test.each(['', 'approve', 'constructor', '__proto__', 'ACCEPT'])('%p is no step', (text) => {
    expect(() => stepOf(text)).toThrow(OutcomeError);
  });
});

describe('due dates', () => {
  test.each([
    ['2026-01-15', 1, '2026-02-15'],
    ['2026-01-31', 1, '2026-02-28'],
    ['2028-01-31', 1, '2028-02-29'],
    ['2026-12-31', 1, '2027-01-31'],
    ['2026-11-30', 3, '2027-02-28'],
    ['2026-03-31', 1, '2026-04-30'],
  ])('%s and %d months: %s', (day, count, expected) => {
    expect(monthsAfter(day, count)).toBe(expected);
  });

  test('the day is that of the laboratory', () => {
    const late = new Date('2026-01-30T22:30:00Z');
    expect(dueDay(late)).toBe('2026-02-28');
    expect(dueDay(late, 'Asia/Riyadh')).toBe('2026-02-28');
    expect(dueDay(new Date('2026-04-15T22:30:00Z'), 'Asia/Riyadh')).toBe('2026-05-16');
    expect(extendedDay(new Date('2026-04-15T22:30:00Z'))).toBe('2026-07-15');
  });
});

test.each<[string, readonly string[]]>([
  ['right', Object.keys(rights)],
  ['part', parts],
  ['stage', stages],
])('the codes of profiles/data-subject-%s.json are those in use', (name, used) => {
  const file = new URL(`../../profiles/data-subject-${name}.json`, import.meta.url);
  const { concept } = JSON.parse(readFileSync(file, 'utf8')) as { concept: { code: string }[] };
  expect(concept.map(({ code }) => code)).toEqual(used);
});
