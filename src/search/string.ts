/** string: starts with (folded), :exact, :contains. https://hl7.org/fhir/R4/search.html#string */
import type { Condition, StringMode } from './ast.ts';
import type { Given, Modifiers } from './context.ts';
import { fold } from './fold.ts';
import { badValue, unescape } from './value.ts';

function matching(mode: StringMode) {
  return (given: Given): Condition => {
    const values = given.values.map((value) => {
      const text = unescape(value);
      if ((mode === 'exact' ? text : fold(text)) === '')
        throw badValue(given.text, value, 'a text to search for is needed.');
      return mode === 'exact' ? text : fold(text);
    });
    return { kind: 'string', mode, paths: given.parameter.paths, values };
  };
}

export const stringModifiers: Modifiers = {
  '': matching('starts'),
  exact: matching('exact'),
  contains: matching('contains'),
};
