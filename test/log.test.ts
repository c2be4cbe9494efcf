/** The log of an error: kind, place and code, never the column values that PostgreSQL quotes. */
import { expect, test } from '@jest/globals';
import { describeError } from '../src/log.ts';

test('of a database error neither message nor detail is logged', () => {
  const error = Object.assign(new Error('invalid input syntax for type integer: "Amal Haddad"'), {
    severity: 'ERROR',
    code: '22P02',
    detail: 'Key (name)=(Amal Haddad) already exists.',
  });
  const described = describeError(error);
  expect(JSON.stringify(described)).not.toContain('Amal');
  expect(described).toMatchObject({ type: 'Error', code: '22P02', stack: expect.stringContaining('log.test.ts') });
});

test('an error of ours or of Node keeps its message', () => {
  const error = Object.assign(new TypeError('x is not a function'), { code: 'ERR_X' });
  expect(describeError(error)).toMatchObject({ type: 'TypeError', code: 'ERR_X', message: 'x is not a function' });
});

test.each([null, undefined, 'text with a name', 7])('what is no error (%p) is named by its type only', (thrown) => {
  expect(describeError(thrown)).toEqual({ type: typeof thrown });
});
