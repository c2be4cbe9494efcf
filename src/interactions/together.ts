/**
 * Statements that a transaction sends at once instead of one after the other's answer. All have ended before a failure is
 * told: what one of them would still send must not meet a connection that is somebody else's by then. It is the failure
 * that came first: those after it may only say that the transaction had failed.
 */
export async function together<T extends readonly unknown[]>(asked: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  const failures: unknown[] = [];
  await Promise.all(asked.map((one) => one.catch((error: unknown) => failures.push(error))));
  if (failures.length > 0) throw failures[0];
  return (await Promise.all(asked)) as unknown as T;
}
