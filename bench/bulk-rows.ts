/**
 * Resources → the rows that writing them would have left, by the server's own code: the document of interactions/, the
 * index rows of search/. Only what the write statement does in the database (number, version, time) is done here.
 */
import { typeNumber } from '../src/fhir/resource-types.ts';
import type { JsonObject } from '../src/fhir/json.ts';
import { makeDocument } from '../src/interactions/document.ts';
import { extract } from '../src/search/extract.ts';
import type { TenantParameters } from '../src/search/parameters.ts';
import { indexTables, resourceColumns } from '../src/search/rows.ts';
import { copyRow } from './copy.ts';

const names = (columns: readonly { name: string }[]) => columns.map(({ name }) => name);

/** Table → its columns, in the order of the rows. */
export const bulkColumns: Readonly<Record<string, readonly string[]>> = {
  resource: ['tenant_id', 'type', 'fhir_id', 'rid', 'ver', 'last_updated', 'deleted', ...names(resourceColumns)],
  resource_version: ['tenant_id', 'rid', 'ver', 'type', 'last_updated', 'method', 'content', 'exact'],
  ...Object.fromEntries(indexTables.map(({ name, columns }) => [name, ['tenant_id', 'rid', ...names(columns)]])),
};

/** The numbers set aside for each patient: more than any has resources. */
export const ridsEach = 48;

/** Below are the resources that a first start makes by itself. */
export const firstRid = 1_000;

export interface Place {
  readonly tenant: number;
  readonly rid: number;
  /** FHIR instant. */
  readonly at: string;
}

export type BulkRows = Record<string, string[]>;

/** Adds the rows of a resource in its first version. */
export function addRows(rows: BulkRows, resource: JsonObject, place: Place, parameters: TenantParameters): void {
  const { tenant, rid, at } = place;
  const id = String(resource['id']);
  const type = typeNumber(String(resource['resourceType']));
  const document = makeDocument(resource, id);
  const content = document.text(1, at);
  const index = extract(resource, parameters);
  const add = (table: string, values: readonly unknown[]) => (rows[table] ??= []).push(copyRow(values));
  add('resource', [tenant, type, id, rid, 1, at, 'f', ...index.columns]);
  add('resource_version', [tenant, rid, 1, type, at, 'PUT', content, document.exact === null ? null : content]);
  for (const [table, made] of Object.entries(index.tables)) {
    made.forEach((row) => add(table, [tenant, rid, ...row]));
  }
}
