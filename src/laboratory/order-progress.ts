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
 *
 * The order of a panel that was taken apart follows the orders of its tests (its parts), as long as it is active or completed:
 *
 * | parts, without those that were taken back or replaced | status    |
 * |-------------------------------------------------------|-----------|
 * | one is open                                           | active    |
 * | all are completed                                     | completed |
 * | there are none: all were taken back                   | revoked   |
 */
import type { JsonObject } from '../fhir/json.ts';
import type { AnalyteDefinition } from './definition.ts';
import { isToRepeat } from './result/follow-up.ts';
import { resultState } from './result/result-states.ts';
import { nameOf } from './result/value.ts';
import { withExtension } from './specimen.ts';
import { catalogueSystem, codeIn, extensions, objects, text } from './terms.ts';

export function receivedOrder(order: JsonObject): JsonObject {
  return withExtension(order, 'order-progress', { valueCode: 'received' });
}

/** By their code in the catalogue. */
export type ResultsByAnalyte = ReadonlyMap<string | undefined, readonly JsonObject[]>;

export function resultsByAnalyte(results: readonly JsonObject[]): ResultsByAnalyte {
  return Map.groupBy(results, (one) => codeIn(one['code'], catalogueSystem));
}

/** The order as its results have it; undefined where nothing changes, or it does not stand. */
export function orderAfterResults(
  order: JsonObject,
  analytes: readonly AnalyteDefinition[],
  results: ResultsByAnalyte,
): JsonObject | undefined {
  const status = text(order['status']);
  if (status !== 'active' && status !== 'completed') return undefined;
  const measured = analytes.filter(({ calculation }) => calculation === undefined);
  const wanted = (measured.length > 0 ? measured : analytes).map(nameOf);
  if (wanted.length === 0) return undefined;
  const states = wanted.map((name) => stateOf(results.get(name) ?? []));
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

/** Of an order that is part of a panel's: that one, as `ServiceRequest/7`. */
export function panelOf(order: JsonObject): string | undefined {
  const { instantiatesCanonical: definitions, basedOn } = order;
  // A reflex test is based on another order too, but of no panel.
  if (!Array.isArray(definitions) || definitions.length < 2) return undefined;
  return objects(basedOn)
    .flatMap(({ reference }) => text(reference) ?? [])
    .find((one) => one.startsWith('ServiceRequest/'));
}

const takenBack: ReadonlySet<string> = new Set(['revoked', 'entered-in-error']);

/** The order of a panel as its parts have it; undefined where nothing changes, or it does not stand. */
export function panelAfterParts(panel: JsonObject, parts: readonly JsonObject[]): JsonObject | undefined {
  const before = text(panel['status']);
  if ((before !== 'active' && before !== 'completed') || parts.length === 0) return undefined;
  const standing = parts.map(({ status }) => String(status)).filter((status) => !takenBack.has(status));
  const isDone = standing.every((status) => status === 'completed');
  const status = standing.length === 0 ? 'revoked' : isDone ? 'completed' : 'active';
  return status === before ? undefined : { ...panel, status };
}

/** An order that was never received stays so; one that was done was. */
function progressWithout(order: JsonObject, status: string): string | undefined {
  return status === 'completed' || extensions(order, 'order-progress').length > 0 ? 'received' : undefined;
}

/** `released`, another state, or undefined where there is no result that stands: one that is to be repeated is none. */
function stateOf(results: readonly JsonObject[]): string | undefined {
  const states = results
    .filter((one) => !isToRepeat(one))
    .map(resultState)
    .filter((state) => state !== 'withdrawn' && state !== 'cancelled');
  return states.find((state) => state === 'released') ?? states[0];
}
