/**
 * Calls that are made at about the same time, done together: the answer to N + 1 statements.
 */

/** @param work the results of these calls, in their order */
export function makeGathering<Asked, Result>(
  work: (asked: readonly Asked[]) => Promise<readonly Result[]>,
): (asked: Asked) => Promise<Result> {
  let waiting: { asked: Asked; settle: PromiseWithResolvers<Result> }[] = [];
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    work(batch.map(({ asked }) => asked)).then(
      (results) => batch.forEach(({ settle }, i) => settle.resolve(results[i] as Result)),
      (error: unknown) => batch.forEach(({ settle }) => settle.reject(error)),
    );
  };
  return (asked) => {
    // After all that is ready to run: what the elements of a list ask for then is together.
    if (waiting.length === 0) setImmediate(flush);
    const settle = Promise.withResolvers<Result>();
    waiting.push({ asked, settle });
    return settle.promise;
  };
}
