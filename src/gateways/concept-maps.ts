/**
 * The ConceptMaps of an interface: a local code of its sender → a coding of the laboratory. Pure.
 * https://hl7.org/fhir/R4/conceptmap.html
 *
 * 1. The Endpoint names them by `url`; of one that is not active nothing is used, and of two the one named first counts.
 * 2. A group holds for the local system that its `source` names, or, without one, for all local codes.
 * 3. Only a target that means the same (`equal`, `equivalent`) is a mapping: nothing is guessed.
 */
import type { JsonObject } from '../fhir/json.ts';
import { localSystem } from '../translation/codes.ts';
import type { Settings } from '../translation/translation.ts';

interface ConceptMap {
  readonly url?: string;
  readonly status?: string;
  readonly group?: readonly Group[];
}

interface Group {
  readonly source?: string;
  readonly target?: string;
  readonly element?: readonly {
    readonly code?: string;
    readonly display?: string;
    readonly target?: readonly { readonly code?: string; readonly display?: string; readonly equivalence?: string }[];
  }[];
}

export function mappedBy(maps: readonly JsonObject[], named: readonly string[]): Settings['mapped'] {
  const codings = new Map<string, JsonObject>();
  const inOrder = named.flatMap((url) => maps.filter((map) => (map as ConceptMap).url === url));
  for (const { status, group = [] } of inOrder as ConceptMap[]) {
    if (status === 'active') for (const one of group) addGroup(codings, one);
  }
  return (system, code) => codings.get(key(system, code)) ?? codings.get(key('', code));
}

/** A coding of the laboratory → the sender's own code, by the same maps. */
export function localBy(maps: readonly JsonObject[], named: readonly string[]): Settings['mapped'] {
  const codings = new Map<string, JsonObject>();
  const inOrder = named.flatMap((url) => maps.filter((map) => (map as ConceptMap).url === url));
  for (const { status, group = [] } of inOrder as ConceptMap[]) {
    if (status === 'active') for (const one of group) addLocal(codings, one);
  }
  return (system, code) => codings.get(key(system, code));
}

function addLocal(codings: Map<string, JsonObject>, { source, target: system, element = [] }: Group): void {
  if (system === undefined) return;
  for (const { code, display, target = [] } of element) {
    if (code === undefined) continue;
    const local = { system: source ?? localSystem(''), code, ...(display !== undefined && { display }) };
    for (const one of target) {
      const name = key(system, one.code ?? '');
      const isSame = one.equivalence === 'equal' || one.equivalence === 'equivalent';
      if (isSame && !codings.has(name)) codings.set(name, local);
    }
  }
}

function addGroup(codings: Map<string, JsonObject>, { source = '', target: system, element = [] }: Group): void {
  if (system === undefined) return;
  for (const { code = '', target = [] } of element) {
    const same = target.find((one) => one.equivalence === 'equal' || one.equivalence === 'equivalent');
    const name = key(source, code);
    if (same?.code === undefined || codings.has(name)) continue;
    codings.set(name, { system, code: same.code, ...(same.display !== undefined && { display: same.display }) });
  }
}

function key(system: string, code: string): string {
  return `${system}|${code}`;
}
