/**
 * The manifest of an export: which files there are, and of what moment. Pure.
 * https://hl7.org/fhir/uv/bulkdata/export.html#response---output-manifest
 *
 * Where partial manifests are allowed, it comes in pages of `pageSize` files, each as soon as its files are written; `link`
 * leads to the next.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { BulkExport, BulkFile } from '../store/exports.ts';
import { formats } from './archive/format.ts';
import { formatOf, type ExportRequest } from './request.ts';
import { reportExtension } from './research-report.ts';

export const pageSize = 10;

export interface Manifest {
  readonly base: string;
  readonly made: BulkExport;
  readonly request: ExportRequest;
  readonly files: readonly BulkFile[];
  /** The page after this one, where there may be more. */
  readonly next?: number;
}

export function manifestOf({ base, made, request, files, next }: Manifest): JsonObject {
  const extension = reportExtension(made, request);
  const of = (kind: BulkFile['kind']): JsonObject[] =>
    files
      .filter((file) => file.kind === kind)
      .map(({ number, type, count }) => ({
        ...(type !== undefined && { type }),
        url: fileUrl(base, made.id, number),
        count,
      }));
  return {
    transactionTime: made.moment ?? '',
    request: request.url,
    requiresAccessToken: true,
    outputFormat: formats[formatOf(request)].mediaType,
    ...(request.byPatient && { outputOrganizedBy: 'Patient' }),
    output: of('output'),
    ...(request.since !== undefined && { deleted: of('deleted') }),
    error: of('error'),
    ...(extension && { extension }),
    ...(next !== undefined && { link: [{ relation: 'next', url: `${statusUrl(base, made.id)}&page=${next}` }] }),
  };
}

export function statusUrl(base: string, id: string): string {
  return `${base}/$export-status?job=${id}`;
}

export function fileUrl(base: string, id: string, number: number): string {
  return `${base}/$export-file?job=${id}&file=${number}`;
}

/** The key in the file store. */
export function fileKey(id: string, number: number): string {
  return `export/${id}/${number}`;
}
