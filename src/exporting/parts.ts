/** What the files of an export are of, one after the other, and from where the lines of each come. */
import { operationOutcome } from '../fhir/outcome.ts';
import { parseSubset, subsetOf } from '../fhir/summary.ts';
import { accessOf } from '../interactions/access.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { Context } from '../request.ts';
import type { Access } from '../search/ast.ts';
import { patientsAmong, type Matching } from '../store/export-rows.ts';
import type { FileKind } from '../store/exports.ts';
import { archives } from './archive/archives.ts';
import type { Archiving } from './archive/format.ts';
import { archivePieces } from './archive/pieces.ts';
import { untoldTypes } from './archive/untold.ts';
import {
  deletedPieces,
  eventPieces,
  matchingPieces,
  plainPieces,
  type Piece,
  type Reading,
  type Shape,
} from './lines.ts';
import { patientPieces } from './by-patient.ts';
import type { Frame } from './files.ts';
import { formatOf, type ExportRequest } from './request.ts';
import { selectionOf } from './selection.ts';

export type Part =
  | { readonly kind: 'output' | 'deleted'; readonly type: string }
  /** What messages about this type do not say. */
  | { readonly kind: 'unsaid'; readonly type: string }
  /** Organised by patient. */
  | { readonly kind: 'patients' }
  | { readonly kind: 'error' };

/** What the manifest calls the files of a part. */
export function contentOf(part: Part): { readonly kind: FileKind; readonly type: string | undefined } {
  if (part.kind === 'output') return part;
  if (part.kind === 'patients') return { kind: 'output', type: undefined };
  if (part.kind === 'deleted') return { kind: 'deleted', type: 'Bundle' };
  return { kind: 'error', type: 'OperationOutcome' };
}

export interface Asked {
  readonly request: ExportRequest;
  readonly part: Part;
  readonly moment: string;
  /** Of a de-identified export: what is made of each line. */
  readonly research: Shape | undefined;
}

/** @param present the types of which there is anything; AuditEvents are apart */
export function partsOf(request: ExportRequest, present: ReadonlySet<string>): Part[] {
  const { associated, byPatient, since } = request;
  const types = request.types.filter((type) => present.has(type) || type === 'AuditEvent');
  const all = associated === undefined || types.includes('Provenance') ? types : [...types, 'Provenance'];
  const output: Part[] = byPatient ? [{ kind: 'patients' }] : outputOf(request, all);
  const resources = types.filter((type) => type !== 'AuditEvent');
  const deleted: Part[] = since === undefined ? [] : resources.map((type) => ({ kind: 'deleted', type }));
  return [...output, ...deleted, { kind: 'error' }];
}

function outputOf(request: ExportRequest, types: readonly string[]): Part[] {
  const archive = archives[formatOf(request)];
  const told = archive === undefined ? types : archive.roots.filter((type) => types.includes(type));
  const output = told.map((type): Part => ({ kind: 'output', type }));
  return archive === undefined ? output : [...output, ...told.map((type): Part => ({ kind: 'unsaid', type }))];
}

export function piecesOf(context: Context, asked: Asked, after: string | undefined): AsyncGenerator<Piece> {
  const { request, part, moment } = asked;
  const access = readable(context);
  const selecting = { request, parameters: searchParametersOf(context), access };
  const shape = asked.research ?? shapeOf(request);
  const times = { moment, since: request.since, until: request.until };
  const archive = archives[formatOf(request)];
  if (part.kind === 'error') return errorPieces({ context, selecting, times }, request);
  if (archive !== undefined && (part.kind === 'output' || part.kind === 'unsaid')) {
    const of = part.kind === 'output' ? 'messages' : 'unsaid';
    return archivePieces(archive, { context, selecting, times }, { type: part.type, of }, after);
  }
  if (part.kind === 'patients') return patientPieces({ context, selecting, times, shape }, after);
  const matching: Matching = {
    ...times,
    type: part.type,
    condition: selectionOf(part.type, selecting),
    access,
    ...(part.type === 'Provenance' && isNewest(request) && { newestOfTarget: true }),
  };
  const reading: Reading = { context, matching, shape };
  if (part.kind === 'deleted') return deletedPieces(reading, after);
  if (part.type === 'AuditEvent') return eventPieces(reading, after);
  return isPlain(matching) ? plainPieces(reading, after) : matchingPieces(reading, after);
}

/** What stands before and after the pieces of a file. */
export function frameOf(context: Context, { request, part, moment }: Asked): Frame | undefined {
  const archive = archives[formatOf(request)];
  if (archive === undefined || part.kind !== 'output') return undefined;
  const selecting = { request, parameters: searchParametersOf(context), access: accessOf(context) };
  const begin = archive.begin({ context, selecting, times: { moment } });
  return { begin: Buffer.from(begin), end: (count) => Buffer.from(archive.end(count)) };
}

function isNewest({ associated, types }: ExportRequest): boolean {
  return associated === 'LatestProvenanceResources' && !types.includes('Provenance');
}

function isPlain({ type, access, condition }: Matching): boolean {
  return type !== 'Binary' && access(type)?.kind === 'all' && condition.kind === 'all';
}

/** What may be both found and read. */
function readable(context: Context): Access {
  const [found, read] = [accessOf(context, 's'), accessOf(context, 'r')];
  const whole = context.caller.permits.every(
    ({ permissions }) => permissions.includes('r') === permissions.includes('s'),
  );
  if (whole) return found;
  return Object.assign(
    (type: string) => (read(type)?.kind === 'all' ? found(type) : found(type)?.kind === 'all' ? read(type) : undefined),
    {
      within: found.within ?? found,
    },
  );
}

function shapeOf({ elements, types }: ExportRequest): Shape | undefined {
  if (elements.length === 0) return undefined;
  const subset = parseSubset({ summary: [], elements, types, search: false });
  return subset === 'count' || subset === undefined ? undefined : (resource) => subsetOf(resource, subset);
}

/** What was left out, a line each. */
async function* errorPieces(archiving: Archiving, request: ExportRequest): AsyncGenerator<Piece> {
  const unseen = await unseenPatients(archiving.context, request);
  const sentences = [...request.remarks, ...unseen, ...(await untoldTypes(archiving, request))];
  const lines = sentences.map((diagnostics) =>
    JSON.stringify(operationOutcome([{ severity: 'warning', code: 'informational', diagnostics }])),
  );
  yield { bytes: Buffer.from(lines.map((line) => `${line}\n`).join('')), count: lines.length, after: 'end' };
}

/** Named by nobody: which of them refused is no business of whoever may not see them. */
async function unseenPatients(context: Context, { patients }: ExportRequest): Promise<string[]> {
  if (patients === undefined) return [];
  const seen = await patientsAmong(context.session, { ids: patients, access: accessOf(context) });
  const missing = patients.length - seen.size;
  if (missing === 0) return [];
  return [
    `${missing} of the ${patients.length} patients are left out with all that is theirs: they were deleted, or consents, labels, restrictions or your scopes do not let you see them.`,
  ];
}
