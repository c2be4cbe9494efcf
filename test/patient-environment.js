/**
 * Jest's environment for Node, with patience: the time of a test or hook is there to end one that hangs, so that none fails
 * for a machine that is slow. A test that judges speed counts processor time (processor-time.ts).
 */
import { TestEnvironment } from 'jest-environment-node';

/** Milliseconds; what names more has more. */
const least = 240_000;

export default class PatientEnvironment extends TestEnvironment {
  handleTestEvent({ name, hook, test }) {
    const started = name === 'hook_start' ? hook : name === 'test_fn_start' ? test : undefined;
    if (started !== undefined) started.timeout = Math.max(started.timeout ?? 0, least);
  }
}
