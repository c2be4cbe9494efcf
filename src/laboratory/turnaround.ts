/** When a result is due: so long after the receipt of the specimen as the definition of the test says. */
import type { JsonObject } from '../fhir/json.ts';
import { withExtension } from './specimen.ts';
import type { TestDefinition } from './test-definition.ts';

const hour = 3_600_000;

/** The order with the time at which it is due; as it is where its tests name none. */
export function withDue(order: JsonObject, tests: readonly TestDefinition[], received: string): JsonObject {
  const hours = tests.flatMap(({ turnaround }) => turnaround ?? []);
  if (hours.length === 0) return order;
  const due = new Date(Date.parse(received) + Math.max(...hours) * hour).toISOString();
  return withExtension(order, 'due', { valueDateTime: due });
}
