/**
 * A test that fails is run once more, and both failures are printed: on a machine shared with others a browser, a clock or a
 * dropped connection may be late once. What fails twice has failed; what failed once stands in the output as such, to be mended.
 */
import { jest } from '@jest/globals';

jest.retryTimes(1, { logErrorsBeforeRetry: true });
