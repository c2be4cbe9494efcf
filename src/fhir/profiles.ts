/**
 * The profiles that the server holds: our own in profiles/, and those of FHIR R4 itself (vital signs, SimpleQuantity,
 * the extensions of the specification). https://hl7.org/fhir/R4/profiling.html
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type DefinitionEntry, indexDefinitions, readDefinition } from './definitions-file.ts';
import type { JsonObject } from './json.ts';

const directory = path.resolve(import.meta.dirname, '../../profiles');

/** Files of the package with StructureDefinitions that constrain others. */
const files = ['profiles-types.json', 'profiles-others.json', 'extension-definitions.json'];

let own: ReadonlyMap<string, JsonObject> | undefined;
let published: ReadonlyMap<string, DefinitionEntry> | undefined;
const read = new Map<string, JsonObject>();

/** Our own profiles by canonical URL. */
export function ownProfiles(): ReadonlyMap<string, JsonObject> {
  if (own === undefined) {
    const names = readdirSync(directory).filter((name) => name.endsWith('.json'));
    const definitions = names.map((name) => JSON.parse(readFileSync(path.join(directory, name), 'utf8')) as JsonObject);
    // The code systems of the profiles stand beside them.
    const profiles = definitions.filter(({ resourceType }) => resourceType === 'StructureDefinition');
    own = new Map(profiles.map((definition) => [String(definition['url']), definition]));
  }
  return own;
}

function publishedProfile(url: string): JsonObject | undefined {
  published ??= new Map(
    files
      .flatMap((file) => indexDefinitions(file, ['url', 'derivation']))
      .filter(({ strings }) => strings['derivation'] === 'constraint')
      .map((entry) => [entry.strings['url'] ?? '', entry]),
  );
  const known = read.get(url);
  const entry = published.get(url);
  if (known !== undefined || entry === undefined) return known;
  const definition = readDefinition(entry);
  read.set(url, definition);
  return definition;
}

/** The StructureDefinition of a canonical URL; with `|version`, only that version. */
export function heldProfile(canonical: string): JsonObject | undefined {
  const [url = '', version] = canonical.split('|');
  const definition = ownProfiles().get(url) ?? publishedProfile(url);
  return version === undefined || definition?.['version'] === version ? definition : undefined;
}
