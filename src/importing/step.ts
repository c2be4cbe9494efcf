/**
 * A bulk import, piece by piece; the row of the import says where each begins.
 *
 *   fetch   the files, one a step
 *   map     by identifier: which resource is which that is here
 *   load    validates and stores, a file after the other
 *   check   references of what was stored that lead to nothing
 */
import { typeName } from '../fhir/resource-types.ts';
import { operationOutcome } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import { danglingReferences, keepDangling, setPlace, type BulkImport, type Place } from '../store/imports.ts';
import { mapSome } from './identifiers.ts';
import { loadSome } from './load.ts';
import { importFrom, importJson, type ImportRequest } from './request.ts';
import { fetchSource, manifestSources, withSources } from './sources.ts';

export interface Importing {
  readonly context: Context;
  readonly made: BulkImport;
  readonly until: number;
}

const start: Place = { phase: 'fetch', file: 0, line: 0, offset: 0 };

/** Does a piece; false when there is none left. */
export async function importSome(importing: Importing): Promise<boolean> {
  const { made } = importing;
  const place = made.place ?? start;
  const request = importFrom(made.request);
  const next = await phases[place.phase](importing, request, place);
  if (next !== undefined) await setPlace(importing.context.session, made.id, next);
  return next !== undefined;
}

type Phase = (importing: Importing, request: ImportRequest, place: Place) => Promise<Place | undefined>;

const phases: Readonly<Record<Place['phase'], Phase>> = { fetch, map, load, check };

async function fetch({ context, made }: Importing, request: ImportRequest, place: Place): Promise<Place> {
  if (request.manifest !== undefined) {
    const whole = withSources(request, await manifestSources(context, request.manifest));
    await setPlace(context.session, made.id, place, importJson(whole));
    return place;
  }
  const source = request.sources[place.file];
  if (source === undefined) return { ...start, phase: request.match === 'identifier' ? 'map' : 'load' };
  if (source.url !== undefined) await fetchSource(context, made.id, place.file, source);
  return { ...start, file: place.file + 1 };
}

async function map({ context, made, until }: Importing, request: ImportRequest, place: Place): Promise<Place> {
  if (place.file >= request.sources.length) return { ...start, phase: 'load' };
  return (
    (await mapSome({ context, id: made.id, request }, place, until)) ?? { ...start, phase: 'map', file: place.file + 1 }
  );
}

async function load({ context, made, until }: Importing, request: ImportRequest, place: Place): Promise<Place> {
  if (place.file >= request.sources.length) return { ...start, phase: 'check', file: -1 };
  return (
    (await loadSome({ context, id: made.id, request }, place, until)) ?? {
      ...start,
      phase: 'load',
      file: place.file + 1,
    }
  );
}

async function check(
  { context, made, until }: Importing,
  _request: ImportRequest,
  from: Place,
): Promise<Place | undefined> {
  let place = from;
  do {
    const { dangling, last } = await danglingReferences(context.session, made.id, place);
    if (last === undefined) return undefined;
    if (dangling.length > 0) {
      const issues = dangling.map(({ fromType, from: id, toType, to }) => ({
        severity: 'warning' as const,
        code: 'not-found' as const,
        diagnostics: `${typeName(fromType)}/${id} refers to ${typeName(toType)}/${to}, which is not here.`,
      }));
      await keepDangling(context.session, made.id, last, JSON.stringify(operationOutcome(issues)));
    }
    place = { ...place, ...last };
  } while (Date.now() < until);
  return place;
}
