/**
 * Checks codes against the value set that an element is bound to.
 */
import type { Element } from '../definitions.ts';
import type { ValueCheck } from './type.ts';

export function bindingCheck(_element: Element, _code: string): ValueCheck | undefined {
  return undefined;
}
