/**
 * The HL7 v2 archive of a package: what `makhbar export --format hl7v2` writes (exporting/archive), of the moment of the package.
 *
 *   hl7v2/<Type>.hl7   a batch of messages      hl7v2/unsaid/<Type>.ndjson   what they do not say, an OperationOutcome each
 *
 * 1. Begun anew after a crash it is the same byte for byte: its numbers and times are made of the moment.
 */
import { frameOf, partsOf, piecesOf, type Part as ExportPart } from '../exporting/parts.ts';
import type { ExportRequest } from '../exporting/request.ts';
import type { Context } from '../request.ts';
import type { Piece } from './folder.ts';
import type { Frame, Part } from './parts.ts';

export function archiveParts(given: Context, { moment, types }: Pick<Frame, 'moment' | 'types'>): Part[] {
  const context = { ...given, requestId: `package ${moment}` };
  const request: ExportRequest = {
    ...{ url: '', base: given.base, level: { of: 'system' }, format: 'hl7v2' },
    types: types.filter((type) => type !== 'AuditEvent'),
    ...{ filters: {}, elements: [], byPatient: false, partial: false, remarks: [], caller: given.caller },
  };
  return partsOf(request, new Set(types)).map((part) => ({
    ...placeOf(part),
    pieces: () => written(context, { request, part, moment, research: undefined }),
  }));
}

function placeOf(part: ExportPart): Pick<Part, 'path' | 'counts'> {
  if (part.kind === 'output') return { path: `hl7v2/${part.type}.hl7`, counts: 'messages' };
  return { path: `hl7v2/unsaid/${part.kind === 'unsaid' ? part.type : 'others'}.ndjson`, counts: 'lines' };
}

/** Without any message there is no batch. */
async function* written(context: Context, asked: Parameters<typeof frameOf>[1]): AsyncGenerator<Piece> {
  const frame = frameOf(context, asked);
  let count = 0;
  for await (const piece of piecesOf(context, asked, undefined)) {
    if (count === 0 && piece.count > 0 && frame !== undefined) yield { bytes: frame.begin, count: 0 };
    count += piece.count;
    yield piece;
  }
  if (count > 0 && frame !== undefined) yield { bytes: frame.end(count), count: 0 };
}
