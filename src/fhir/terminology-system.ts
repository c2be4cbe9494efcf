/**
 * The code systems that FHIR R4 comes with: their codes and hierarchies. https://hl7.org/fhir/R4/codesystem.html
 *
 * Three files (22 MB) are indexed by canonical URL when the first code is asked for (80 ms); of a code system only its
 * codes, displays, parents and simple properties are kept.
 */
import { type DefinitionEntry, indexDefinitions, readDefinition } from './definitions-file.ts';
import type { JsonObject } from './json.ts';

export interface Concept {
  code: string;
  display: string | undefined;
  /** Codes one level up; a code may stand in several places of a hierarchy. */
  parents: string[];
  children: string[];
  properties: ReadonlyMap<string, string>;
}

export interface System {
  url: string;
  concepts: ReadonlyMap<string, Concept>;
}

/** A concept as a CodeSystem writes it. */
interface WrittenConcept {
  code: string;
  display?: string;
  concept?: WrittenConcept[];
  property?: {
    code: string;
    valueCode?: string;
    valueString?: string;
    valueBoolean?: boolean;
    valueInteger?: number;
  }[];
}

const files = ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json'];

let index: Map<string, DefinitionEntry> | undefined;

/** The CodeSystem or ValueSet with a canonical URL (without version) that R4 comes with. */
export function terminologyDefinition(resourceType: 'CodeSystem' | 'ValueSet', url: string): JsonObject | undefined {
  index ??= new Map(
    files
      .flatMap((file) => indexDefinitions(file, ['resourceType', 'url']))
      .map((entry) => [`${entry.strings['resourceType']} ${entry.strings['url']}`, entry]),
  );
  const entry = index.get(`${resourceType} ${url}`);
  return entry && readDefinition(entry);
}

function propertiesOf(written: WrittenConcept): Map<string, string> {
  const entries = (written.property ?? []).map(
    ({ code, ...value }) => [code, String(Object.values(value)[0])] as const,
  );
  return new Map(entries);
}

function addConcepts(
  written: readonly WrittenConcept[],
  parent: string | undefined,
  concepts: Map<string, Concept>,
): void {
  for (const item of written) {
    const known = concepts.get(item.code);
    const concept = known ?? {
      code: item.code,
      display: item.display,
      parents: [],
      children: [],
      properties: propertiesOf(item),
    };
    concepts.set(item.code, concept);
    if (parent !== undefined) {
      concept.parents.push(parent);
      concepts.get(parent)?.children.push(item.code);
    }
    addConcepts(item.concept ?? [], item.code, concepts);
  }
}

/** Some systems state the hierarchy by properties instead of nesting. */
function addStatedParents(concepts: ReadonlyMap<string, Concept>): void {
  for (const concept of concepts.values()) {
    for (const name of ['subsumedBy', 'parent']) {
      const parent = concept.properties.get(name);
      if (parent === undefined || !concepts.has(parent) || concept.parents.includes(parent)) continue;
      concept.parents.push(parent);
      concepts.get(parent)!.children.push(concept.code);
    }
  }
}

const systems = new Map<string, System | undefined>();

/** A code system whose every code is known here; undefined for others: SNOMED CT, LOINC, UCUM, fragments, examples. */
export function systemOf(url: string): System | undefined {
  if (!systems.has(url)) systems.set(url, loadSystem(url));
  return systems.get(url);
}

function loadSystem(url: string): System | undefined {
  const definition = terminologyDefinition('CodeSystem', url);
  if (definition?.['content'] !== 'complete') return undefined;
  const concepts = new Map<string, Concept>();
  addConcepts((definition['concept'] ?? []) as unknown as WrittenConcept[], undefined, concepts);
  addStatedParents(concepts);
  return { url, concepts };
}

function closure(system: System, code: string, next: (concept: Concept) => readonly string[]): Set<string> {
  const found = new Set([code]);
  for (const item of found) {
    const concept = system.concepts.get(item);
    if (concept !== undefined) for (const step of next(concept)) found.add(step);
  }
  return found;
}

/** A code and all below it; undefined when the system is not known here. */
export function descendantsOf(systemUrl: string, code: string): Set<string> | undefined {
  const system = systemOf(systemUrl);
  return system && closure(system, code, (concept) => concept.children);
}

/** A code and all above it; undefined when the system is not known here. */
export function ancestorsOf(systemUrl: string, code: string): Set<string> | undefined {
  const system = systemOf(systemUrl);
  return system && closure(system, code, (concept) => concept.parents);
}

/** Whether a code is the same as another or below it. */
export function subsumedBy(systemUrl: string, code: string, ancestor: string): boolean | 'unknown' {
  return ancestorsOf(systemUrl, code)?.has(ancestor) ?? 'unknown';
}
