/** Whether work goes out on the lines of an analyzer, by the Task of the order at it (work.ts). Pure. */
import type { JsonObject } from '../../fhir/json.ts';
import { isUnsent } from '../work.ts';

/** Milliseconds after which what was sent and not taken is sent again. */
const again = 120_000;

/** @param task of an order that nobody has begun, or that is to be repeated; undefined where it was never sent */
export function isToSend(task: JsonObject | undefined, now: number): boolean {
  if (task === undefined || isUnsent(task)) return true;
  const { lastUpdated = '' } = (task['meta'] ?? {}) as { lastUpdated?: string };
  return task['status'] === 'requested' && now - Date.parse(lastUpdated) > again;
}

/** @param task of an order that was taken back */
export function isToCancel(task: JsonObject | undefined): boolean {
  return task?.['status'] === 'accepted' || task?.['status'] === 'requested';
}
