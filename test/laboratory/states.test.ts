/** The tables of specimens and orders, cell by cell, the forbidden ones too; accession numbers. */
import { describe, expect, test } from '@jest/globals';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { accessionNumber, checkDigit, patternProblem, scopeOf } from '../../src/laboratory/accession-number.ts';
import { nextOrderState, orderStates, orderSteps, plainOrderChange } from '../../src/laboratory/order-states.ts';
import { panelAfterParts } from '../../src/laboratory/order-progress.ts';
import { nextSpecimenState, specimenStates, specimenSteps } from '../../src/laboratory/specimen-states.ts';

/** Rows and columns as the heads of the files have them; a dot is forbidden. */
const specimens: Record<string, string> = {
  //            collect receive aliquot pool store retrieve ship return reject dispose cancel
  accessioned: 'collected received . . . . . . rejected . cancelled',
  collected: '. received . . . . shipped . rejected disposed .',
  received: '. . received received stored . shipped . rejected disposed .',
  stored: '. . . . stored received . . rejected disposed .',
  shipped: '. . . . . . . received rejected . .',
  rejected: '. . . . . . . . . disposed .',
  disposed: '. . . . . . . . . . .',
  cancelled: '. . . . . . . . . . .',
};
const orders: Record<string, string> = {
  draft: '. . revoked .',
  active: 'active active revoked revoked',
  'on-hold': '. . revoked .',
  revoked: '. . . .',
  completed: '. . . .',
  'entered-in-error': '. . . .',
  unknown: '. . . .',
};

function told(work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    expect([statusOf(error), error.message]).toEqual([
      409,
      expect.stringMatching(/ is [\w-]+: the step [\w-]+ is possible/),
    ]);
    return '.';
  }
}

/** What a plain write may make of an order; the same status is no change. */
const plainly: Record<string, string> = {
  draft: 'draft active on-hold revoked entered-in-error',
  active: 'active on-hold revoked completed entered-in-error',
  'on-hold': 'active on-hold revoked completed entered-in-error',
  revoked: 'revoked entered-in-error',
  completed: 'completed entered-in-error',
  'entered-in-error': 'entered-in-error',
  unknown: orderStates.join(' '),
};

describe('each state and each step', () => {
  test.each(specimenStates)('a specimen that is %s', (state) => {
    const row = specimenSteps.map((step) => told(() => nextSpecimenState('1', state, step)));
    expect(row.join(' ')).toBe(specimens[state]);
  });

  test.each(orderStates)('an order that is %s', (state) => {
    const row = orderSteps.map((step) => told(() => nextOrderState('1', state, step)));
    expect(row.join(' ')).toBe(orders[state]);
  });
});

test.each(orderStates)('an order that is %s and is written plainly', (before) => {
  const possible = orderStates.filter((after) => {
    try {
      plainOrderChange('ServiceRequest/1', before, after);
      return true;
    } catch (error) {
      expect(String(error)).toContain(`ServiceRequest/1 is ${before} and does not become ${after}: it `);
      return false;
    }
  });
  expect(possible.join(' ')).toBe(plainly[before]);
});

test.each<[string, string, string, string | undefined]>([
  ['no part is known', 'active', '', undefined],
  ['one is open', 'active', 'completed active', undefined],
  ['one is open again', 'completed', 'completed active', 'active'],
  ['one is on hold', 'completed', 'completed on-hold', 'active'],
  ['all are done', 'active', 'completed completed', 'completed'],
  ['the last was taken back', 'active', 'completed revoked entered-in-error', 'completed'],
  ['one was replaced by an open one', 'active', 'completed revoked active', undefined],
  ['all were taken back', 'active', 'revoked revoked', 'revoked'],
  ['it was taken back itself', 'revoked', 'completed completed', undefined],
  ['it waits itself', 'on-hold', 'completed completed', undefined],
])('the order of a panel, where %s', (_, status, parts, after) => {
  const all = parts.split(' ').filter((one) => one !== '');
  const panel = { resourceType: 'ServiceRequest', id: '1', status };
  expect(
    panelAfterParts(
      panel,
      all.map((one) => ({ status: one })),
    )?.['status'],
  ).toBe(after);
});

describe('accession numbers', () => {
  const now = new Date('2026-03-01T22:30:00Z');
  test.each([
    ['{yy}{mm}{dd}{n:5}{check}', 'UTC', 7, '260301000071'],
    ['{yy}{mm}{dd}{n:5}{check}', 'Asia/Riyadh', 7, '260302000070'],
    ['{yyyy}-{ddd}-{section}-{n:3}', 'UTC', 12, '2026-060-EDT-012'],
    ['{n}', 'UTC', 1234, '1234'],
    ['L{n:2}', 'UTC', 345, 'L345'],
  ])('%s in %s', (pattern, zone, count, expected) => {
    expect(accessionNumber(scopeOf({ pattern, now, zone, section: 'EDT' }), count)).toBe(expected);
  });

  test.each([
    ['7992739871', 3],
    ['L1', 3],
  ])('the check digit of %s', (text, digit) => expect(checkDigit(text)).toBe(digit));

  test.each([
    ['{yy}', 'must have {n:…} once'],
    ['{n}{n}', 'must have {n:…} once'],
    ['{check}{n}', 'must have {check} at its end'],
    ['a{n}', 'has something else than A-Z, 0-9, ./- and its parts in braces'],
    ['{n}{hour}', 'has something else than A-Z, 0-9, ./- and its parts in braces'],
    [`${'X'.repeat(60)}{n}`, 'has more than 60 characters'],
  ])('%s is refused', (pattern, problem) => expect(patternProblem(pattern)).toBe(problem));
});
