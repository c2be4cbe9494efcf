/** What the files of an export are of, one after the other, and from where the lines of each come. */
import { operationOutcome } from '../fhir/outcome.ts';
import { parseSubset, subsetOf } from '../fhir/summary.ts';
import { accessOf } from '../interactions/access.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { Context } from '../request.ts';
import type { Access } from '../search/ast.ts';
import { patientsAmong, type Matching } from '../store/export-rows.ts';
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
import type { ExportRequest } from './request.ts';
import { selectionOf } from './selection.ts';

export type Part =
  | { readonly kind: 'output' | 'deleted'; readonly type: string }
  /** Organised by patient. */
  | { readonly kind: 'patients' }
  | { readonly kind: 'error' };

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
  const output: Part[] = byPatient ? [{ kind: 'patients' }] : all.map((type) => ({ kind: 'output', type }));
  const resources = types.filter((type) => type !== 'AuditEvent');
  const deleted: Part[] = since === undefined ? [] : resources.map((type) => ({ kind: 'deleted', type }));
  return [...output, ...deleted, { kind: 'error' }];
}

export function piecesOf(context: Context, asked: Asked, after: string | undefined): AsyncGenerator<Piece> {
  const { request, part, moment } = asked;
  if (part.kind === 'error') return errorPieces(context, request);
  const access = readable(context);
  const selecting = { request, parameters: searchParametersOf(context), access };
  const shape = asked.research ?? shapeOf(request);
  const times = { moment, since: request.since, until: request.until };
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
async function* errorPieces(context: Context, request: ExportRequest): AsyncGenerator<Piece> {
  const sentences = [...request.remarks, ...(await unseenPatients(context, request))];
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
