/**
 * Values of expressions that are no plain path, by the expression engine: in R4 only `deceased` of Patient, and what a
 * laboratory's own search parameters ask for.
 */
import type { JsonObject } from '../fhir/json.ts';
import { compilePath } from '../fhir/path/compile.ts';
import { rootNode } from '../fhir/path/node.ts';
import type { IndexedPath } from './parameters.ts';
import type { Emit, EmitMaker } from './sink.ts';

export function emitGeneral(path: IndexedPath, maker: EmitMaker): Emit {
  const evaluate = compilePath(path.expression);
  const emits = new Map<string, Emit | undefined>();
  return (resource, _parent, _key, rep, sink) => {
    const node = rootNode(resource as JsonObject);
    for (const { value, type, parent, key } of evaluate(node, { resource: node, mostItems: sink.mostItems })) {
      if (value === undefined) continue;
      const plain = type.startsWith('System.') ? type.slice(7).toLowerCase() : type;
      if (!emits.has(plain)) emits.set(plain, maker(path, plain));
      emits.get(plain)?.(value, parent ?? { value }, parent === undefined ? 'value' : key, rep, sink);
    }
  };
}
