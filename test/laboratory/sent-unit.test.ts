/** Units as analyzers write them. */
import { expect, test } from '@jest/globals';
import { ucumOf } from '../../src/laboratory/result/sent-unit.ts';
import { canonicalUnit } from '../../src/search/ucum.ts';

test.each([
  ['g/dL', 'g/dL'],
  ['10^3/uL', '10*3/uL'],
  ['10*3/uL', '10*3/uL'],
  ['x10^9/L', '10*9/L'],
  ['X10E9/L', '10*9/L'],
  ['10e12/L', '10*12/L'],
  ['10³/µL', '10*3/uL'],
  ['× 10¹²/L', '10*12/L'],
  ['K/uL', '10*3/uL'],
  ['M/μL', '10*6/uL'],
  ['µmol/L', 'umol/L'],
  ['IU/L', '[IU]/L'],
  ['uIU/mL', 'u[IU]/mL'],
  [' mmol/l ', 'mmol/l'],
])('%s is %s', (sent, ucum) => {
  expect(ucumOf(sent)).toBe(ucum);
  expect(canonicalUnit(ucum)).toBeDefined();
});

// 109/L may have been 10⁹/L, and may not.
test.each(['109/L', 'K', 'cells/uL', ''])('%s stays as it is', (sent) => {
  expect(ucumOf(sent)).toBe(sent);
});
