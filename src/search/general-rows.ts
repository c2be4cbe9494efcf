/** Values of expressions that are no plain path, by the expression engine: in R4 only `deceased` of Patient. */
import fhirpath from 'fhirpath';
import type { JsonObject } from '../fhir/json.ts';
import type { IndexedPath } from './parameters.ts';
import type { Emit, EmitMaker } from './sink.ts';

export function emitGeneral(path: IndexedPath, maker: EmitMaker): Emit {
  const evaluate = fhirpath.compile(path.expression) as (resource: JsonObject) => unknown[];
  return (resource, _parent, _key, rep, sink) => {
    for (const value of evaluate(resource as JsonObject)) {
      const type = typeof value === 'boolean' ? 'boolean' : 'string';
      maker(path, type)?.(value as string | boolean, { value } as object, 'value', rep, sink);
    }
  };
}
