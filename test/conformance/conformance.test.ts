/**
 * The conformance suite against our own server. A case that is skipped is a claim that our CapabilityStatement does not
 * make: each of them is named here, so that a claim cannot get lost unseen.
 */
import { beforeAll, expect, test } from '@jest/globals';
import { connect } from '../../conformance/client.ts';
import type { Verdict } from '../../conformance/judge.ts';
import { judge } from '../../conformance/judge.ts';
import { sections } from '../../conformance/sections.ts';
import { makeLaboratory } from '../server.ts';

let verdicts: Verdict[];
let remained: number;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  ({ verdicts, remained } = await judge(connect(base, token), sections));
}, 300_000);

/** Sections in which our server may skip a case, and why. */
const optional: Readonly<Record<string, string>> = {
  async: 'no asynchronous operation is offered yet',
};

test.each(sections.map((section) => section.name))('%s', (name) => {
  const wrong = verdicts.filter((verdict) => verdict.section === name && !isRight(verdict));
  expect(wrong.map(({ level, title, result, reason }) => `${level} ${result} ${title} — ${reason}`)).toEqual([]);
});

function isRight(verdict: Verdict): boolean {
  return verdict.result === 'pass' || (verdict.result === 'skip' && optional[verdict.section] !== undefined);
}

test('every section has cases, and their titles are unique', () => {
  const titles = sections.flatMap((section) => section.cases.map((one) => `${section.anchor}: ${one.title}`));
  expect(new Set(titles).size).toBe(titles.length);
  expect(sections.every((section) => section.cases.length > 0)).toBe(true);
});

test('the run leaves nothing behind', () => {
  expect(remained).toBe(0);
});
