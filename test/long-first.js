/**
 * The order of the test files: those that take long, mostly waiting, begin early and among others. Jest knows no times on a
 * new machine and goes by size: a short file that takes a minute was the last, while a processor had nothing to do.
 */
import Sequencer from '@jest/test-sequencer';

/** A guess by what they do: servers that are killed or watched, browsers, the demonstration. */
const long =
  /\/test\/(demo|readme|durability\/\w+|\w+\/[\w-]*kill|concurrency\/processes|command\/command|gateways\/(command|durability|processes)|audit\/forwarding|identity\/(ends|attacks-tokens)|review\/search-size|pages\/account|departing\/delete)\.test\.ts$/;
/** One of them, then so many others: two that wait at once would leave a processor idle. */
const between = 4;

export default class LongFirst extends Sequencer {
  async sort(tests) {
    const ordered = await super.sort(tests);
    const waiting = ordered.filter(({ path }) => long.test(path));
    const others = ordered.filter(({ path }) => !long.test(path));
    const among = waiting.flatMap((test, i) => [test, ...others.slice(i * between, (i + 1) * between)]);
    return [...among, ...others.slice(waiting.length * between)];
  }
}
