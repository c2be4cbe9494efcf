/**
 * How far the work of an order is. The server sets it with each step of its specimen and its results.
 *
 * | specimen and results                       | status    | extension order-progress |
 * |--------------------------------------------|-----------|--------------------------|
 * | no specimen yet, or it was not received     | active    |                          |
 * | received, some results are not there yet    | active    | received                 |
 * | all results are there, some not released    | active    | measured                 |
 * | all results are released                    | completed |                          |
 *
 * A formula may have no result for good: what was measured decides, where anything of the order is measured. A result that is
 * withdrawn leads an order back.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { AnalyteDefinition } from './definition.ts';
import { isToRepeat } from './result/follow-up.ts';
import { resultState } from './result/result-states.ts';
import { nameOf } from './result/value.ts';
import { withExtension } from './specimen.ts';
import { catalogueSystem, codeIn, extensions, text } from './terms.ts';

export function receivedOrder(order: JsonObject): JsonObject {
  return withExtension(order, 'order-progress', { valueCode: 'received' });
}

/** The order as its results have it; undefined where nothing changes, or it does not stand. */
export function orderAfterResults(
  order: JsonObject,
  analytes: readonly AnalyteDefinition[],
  results: readonly JsonObject[],
): JsonObject | undefined {
  const status = text(order['status']);
  if (status !== 'active' && status !== 'completed') return undefined;
  const measured = analytes.filter(({ calculation }) => calculation === undefined);
  const wanted = (measured.length > 0 ? measured : analytes).map(nameOf);
  if (wanted.length === 0) return undefined;
  const states = wanted.map((name) => stateOf(name, results));
  if (states.every((state) => state === 'released')) {
    return status === 'completed'
      ? undefined
      : { ...withExtension(order, 'order-progress', undefined), status: 'completed' };
  }
  const progress = states.includes(undefined) ? progressWithout(order, status) : 'measured';
  const was = text(extensions(order, 'order-progress')[0]?.['valueCode']);
  if (status === 'active' && was === progress) return undefined;
  const value = progress === undefined ? undefined : { valueCode: progress };
  return { ...withExtension(order, 'order-progress', value), status: 'active' };
}

/** An order that was never received stays so; one that was done was. */
function progressWithout(order: JsonObject, status: string): string | undefined {
  return status === 'completed' || extensions(order, 'order-progress').length > 0 ? 'received' : undefined;
}

/** `released`, another state, or undefined where there is no result that stands: one that is to be repeated is none. */
function stateOf(name: string, results: readonly JsonObject[]): string | undefined {
  const states = results
    .filter((one) => codeIn(one['code'], catalogueSystem) === name && !isToRepeat(one))
    .map(resultState)
    .filter((state) => state !== 'withdrawn' && state !== 'cancelled');
  return states.find((state) => state === 'released') ?? states[0];
}
