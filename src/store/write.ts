/**
 * Writing resources: one statement, one round trip, for one resource or for thousands.
 *
 * 1. The version number and meta.lastUpdated are set inside the statement, on the locked row, so that two writers can
 *    never make the same version.
 * 2. An entry whose precondition does not hold is left out and not reported as written; the others are written. Whoever
 *    needs all or nothing runs it in a transaction and rolls back when an entry is missing.
 * 3. The row, its version and its index rows are written together or not at all.
 * 4. Rows are locked in the order of their rid, so that two batches cannot wait for each other.
 * 5. Contained resources have rows of their own (write-contained.ts), replaced with each version.
 * 6. Index rows made by search parameters that are no longer those in force are noted in the same statement for the
 *    reindex job; a written SearchParameter puts new ones in force and asks for that job.
 * 7. The event of a write is stored by the same statement: there is none without the other.
 * 8. What interfaces must be told of is noted by the same statement (outbound.ts).
 * 9. Nothing is written under an id that was erased, nor about a patient who was (SQLSTATE MK410 and MK411).
 *
 * All data-modifying CTEs of a statement see the same snapshot: index rows that stay are neither deleted nor inserted.
 * A row that was locked after waiting may be newer than the snapshot; the rows that its writer made are not seen then, and
 * would stay beside the new ones. `s` is the row as the snapshot has it: where they differ, the statement fails as a
 * serialisation does and is run again.
 */
import { indexTables, resourceColumns, type IndexRows, type IndexTable } from '../search/rows.ts';
import { arrayLiteral, textArray, unnest } from './arrays.ts';
import { auditArrays, auditStatement, type AuditEntry } from './audit.ts';
import { containedArrays, holdsContained, insertContained, removeContained } from './write-contained.ts';
import type { Batching } from './combine.ts';
import { consentArrays, consentColumns, consentStatement, type ConsentRow } from './consent.ts';
import { interfaceStatement } from './endpoints.ts';
import { changeStatement, ruleArrays, ruleParameters, ruleStatement } from './outbound.ts';
import { instantText, type Statement } from './pool.ts';

export type WriteMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What must hold: nothing, no live resource, a live one, one that is or was there, or a live one of this version. */
export type Expectation = 'any' | 'absent' | 'live' | 'known' | number;

export interface WriteEntry {
  readonly type: number;
  readonly id: string;
  readonly method: WriteMethod;
  readonly expect: Expectation;
  /** The id was just made by us: no row can exist, so none is looked for. */
  readonly fresh?: boolean;
  /** JSON text of the resource without meta.versionId and meta.lastUpdated; null deletes. */
  readonly content: string | null;
  /** Where jsonb would not keep a number as written: the JSON text, with `versionMark` and `timeMark` in meta. */
  readonly exact: string | null;
  readonly index: IndexRows | null;
  /** Of a Consent that is in force: its rules. */
  readonly consent?: readonly ConsentRow[];
  /** Of an Endpoint: numbers of the types whose changes it is told of. */
  readonly tells?: readonly number[];
  /** The interface (id of its Endpoint) that writes: it is not told of it. */
  readonly origin?: string;
  /** The revision of the search parameters that made `index` (store/search-parameters.ts); 0 where none is given. */
  readonly revision?: number;
  /** The event of this write, stored with it; resource, version and patient are what was written. */
  readonly audit?: AuditEntry;
}

export interface Written {
  readonly rid: string;
  readonly version: number;
  /** FHIR instant. */
  readonly lastUpdated: string;
  /** No live resource was there before. */
  readonly created: boolean;
  /** The patients whom it is about, and was about before. */
  readonly patients: readonly string[];
}

/** Stand-ins in `exact` that the statement replaces; the first occurrence counts, and meta stands before all content. */
export const versionMark = '@version@';
export const timeMark = '@updated@';

interface WrittenRow {
  ord: number;
  rid: string;
  ver: number;
  last_updated: string;
  created: boolean;
  patient: string | null;
  former: string | null;
}

const inputColumns = [
  { name: 'ord', type: 'int4' },
  { name: 'type', type: 'int2' },
  { name: 'fhir_id', type: 'text' },
  { name: 'expect', type: 'int4' },
  { name: 'method', type: 'text' },
  { name: 'content', type: 'text' },
  { name: 'exact', type: 'text' },
  { name: 'origin', type: 'text' },
  ...resourceColumns,
] as const;

const names = resourceColumns.map((column) => column.name);
const columnList = names.map((name) => `, ${name}`).join('');
const acceptedList = names.map((name) => `, a.${name}`).join('');
const columnUpdate = names.map((name) => `, ${name} = a.${name}`).join('');

/** Expectations as numbers: null any, 0 absent, -1 live, -2 known, n that version and live. */
const currentRows = `
  current as materialized (
    select i.ord, r.rid, r.ver, r.deleted, r.last_updated, r.patient as former, r.xmin <> s.xmin as overtaken
    from input i join resource r on r.tenant_id = $1 and r.type = i.type and r.fhir_id = i.fhir_id
    join resource s on s.tenant_id = $1 and s.type = i.type and s.fhir_id = i.fhir_id
    order by r.rid
    for no key update of r
  ),
  accepted as materialized (
    select i.*, c.rid is null as fresh, coalesce(c.deleted, true) as created, c.former,
      coalesce(c.rid, nextval('resource_rid')) as rid,
      coalesce(c.ver, 0) + 1 as ver,
      greatest((select at from now), c.last_updated + interval '1 ms') as at
    from input i left join current c using (ord)
    where case
      when c.overtaken then overtaken()
      when i.method = 'DELETE' and coalesce(c.deleted, true) then false
      when i.expect is null then true
      when i.expect = 0 then coalesce(c.deleted, true)
      when i.expect = -1 then not c.deleted
      when i.expect = -2 then c.rid is not null
      else not c.deleted and c.ver = i.expect
    end
  ),
  updated as (
    update resource r
    set ver = a.ver, last_updated = a.at, deleted = a.content is null${columnUpdate}
    from accepted a
    where not a.fresh and r.tenant_id = $1 and r.type = a.type and r.fhir_id = a.fhir_id
    returning r.rid
  ),`;

/** For ids made by us just now nothing is looked up or locked. */
const freshRows = `
  accepted as materialized (
    select i.*, true as fresh, true as created, null::text as former, nextval('resource_rid') as rid, 1 as ver,
      (select at from now) as at
    from input i
  ),`;

/** The CTEs that bring the index rows of `written (ord, rid, fresh)` in one table up to date. */
export function insertIndexRows(table: IndexTable, first: number, fresh: boolean): string {
  const list = table.columns.map((column) => column.name);
  // As one text, and in subqueries that depend on nothing: PostgreSQL always hashes those. Joins it hashed only while the
  // tables were small; with statistics, 4,000 identifiers took 12 s instead of 0.1.
  const keyOf = (alias: string): string => `row(${list.map((name) => `${alias}.${name}`).join(', ')})::text`;
  const rows = unnest(first, [{ name: 'ord', type: 'int4' }, ...table.columns]);
  const insert = `${table.name}_added as (
    insert into ${table.name} (tenant_id, rid, ${list.join(', ')})
    select $1, w.rid, ${list.map((name) => `u.${name}`).join(', ')}
    from ${rows} join written w using (ord)`;
  if (fresh) {
    return `${insert}
  )`;
  }
  return `${table.name}_removed as (
    delete from ${table.name} t using written w
    where not w.fresh and t.tenant_id = $1 and t.rid = w.rid
      and (w.ord, ${keyOf('t')}) not in (select u.ord, ${keyOf('u')} from ${rows})
  ),
  ${insert}
    where w.fresh or (u.ord, ${keyOf('u')}) not in (
      select o.ord, ${keyOf('t')} from written o join ${table.name} t on t.tenant_id = $1 and t.rid = o.rid where not o.fresh)
  )`;
}

const revisionParameter = 2 + inputColumns.length;
const firstIndexParameter = revisionParameter + 1;

/** Below no revision: deletions have no index rows. */
const latestRevision = 2_147_483_647;

/** The number of SearchParameter (fhir/resource-types.ts). */
const searchParameterType = 122;
/** The number of Consent. */
export const consentType = 28;
/** The numbers of Endpoint and ConceptMap. */
export const endpointType = 44;
export const conceptMapType = 26;

const patientParameter = 2 + inputColumns.findIndex(({ name }) => name === 'patient');

/** See migrations/0006-jobs.sql, 0013-erasure.sql and store/search-parameters.ts. */
const revisions = `
  revision as materialized (select writing_revision($1, $${revisionParameter}, $3::int2[], $4::text[], $${patientParameter}::text[]) as present),
  stale as (
    insert into search_stale (tenant_id, rid)
    select $1, w.rid from revision join written w on w.content is not null and revision.present > $${revisionParameter}
    on conflict do nothing
  ),
  redefined as (
    insert into search_state as s (tenant_id, revision)
    select $1, 1 from written w where w.type = ${searchParameterType} limit 1
    on conflict (tenant_id) do update set revision = s.revision + 1, changed = excluded.changed
    returning s.revision
  ),
  reindexing as (
    insert into job (tenant_id, kind) select $1, 'reindex' from redefined on conflict do nothing
  )`;

interface Kind {
  /** Nothing but ids that were just made. */
  readonly fresh: boolean;
  /** Some resource contains others. */
  readonly holding: boolean;
  /** Some entry writes or deletes a Consent. */
  readonly consenting: boolean;
  /** Some entry writes or deletes an Endpoint or a ConceptMap. */
  readonly routing: boolean;
  /** Some entry has its event with it. */
  readonly audited: boolean;
}

function statementText({ fresh, holding, consenting, routing, audited }: Kind): string {
  let next = firstIndexParameter;
  const index = indexTables.map((table) => {
    const text = insertIndexRows(table, next, fresh);
    next += 1 + table.columns.length;
    return text;
  });
  if (consenting) {
    index.push(consentStatement(next, consentType));
    next += 1 + consentColumns.length;
  }
  if (routing) {
    index.push(ruleStatement(next, endpointType), interfaceStatement([endpointType, conceptMapType]));
    next += ruleParameters;
  }
  if (!fresh) index.push(removeContained());
  if (holding) {
    index.push(insertContained(next));
    next += containedArrays([]).length;
  }
  if (audited) index.push(auditStatement(next, !fresh));
  index.push(changeStatement);
  return `with now as materialized (select date_trunc('milliseconds', clock_timestamp()) as at),
  input as materialized (select u.* from ${unnest(2, inputColumns)}),
  ${fresh ? freshRows : currentRows}
  inserted as (
    insert into resource (tenant_id, type, fhir_id, rid, ver, last_updated, deleted${columnList})
    select $1, a.type, a.fhir_id, a.rid, a.ver, a.at, false${acceptedList}
    from accepted a where a.fresh
    on conflict do nothing
    returning rid
  ),
  written as materialized (
    select a.ord, a.rid, a.ver, a.at, a.type, a.fhir_id, a.method, a.content, a.exact, a.origin, a.fresh, a.created, a.patient, a.former,
      to_char(a.at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at_text
    from accepted a
    where ${fresh ? '' : 'not a.fresh or '}a.rid in (select rid from inserted)
  ),
  version as (
    insert into resource_version (tenant_id, rid, ver, type, last_updated, method, content, exact, bytes)
    select $1, w.rid, w.ver, w.type, w.at, w.method,
      jsonb_set(j.content, '{meta}', coalesce(j.content -> 'meta', '{}')
        || jsonb_build_object('versionId', w.ver::text, 'lastUpdated', w.at_text)),
      regexp_replace(regexp_replace(w.exact, '${versionMark}', w.ver::text), '${timeMark}', w.at_text),
      coalesce(octet_length(w.content), 0) + coalesce(octet_length(w.exact), 0)
    from written w cross join lateral (select w.content::jsonb as content) j
  ),${revisions}${index.map((text) => `,\n  ${text}`).join('')}
  select ord, rid, ver, at as last_updated, created, patient, former from written`;
}

/** Made when first needed: the one without contained resources is every other's burden too. */
const texts = new Map<number, string>();

function textOf(kind: Kind): string {
  const { fresh, holding, consenting, routing, audited } = kind;
  const key = [fresh, holding, consenting, routing, audited].reduce((sum, flag) => sum * 2 + Number(flag), 0);
  const text = texts.get(key) ?? statementText(kind);
  texts.set(key, text);
  return text;
}

/** The statement that writes these entries; `readWritten` reads its rows. */
export function writeStatement(tenant: number, entries: readonly WriteEntry[]): Statement {
  const fresh = entries.every((entry) => entry.fresh === true);
  const ordered = entries.map((entry, ord) => ({ entry, ord }));
  if (!fresh) {
    // Two statements that create the same ids wait for each other's rows: in one order neither waits in a circle.
    ordered.sort((a, b) => a.entry.type - b.entry.type || (a.entry.id < b.entry.id ? -1 : 1));
  }
  const column = (valueOf: (entry: WriteEntry) => unknown): string =>
    arrayLiteral(ordered.map(({ entry }) => valueOf(entry)));
  const values: unknown[] = [
    tenant,
    arrayLiteral(ordered.map(({ ord }) => ord)),
    column((entry) => entry.type),
    column((entry) => entry.id),
    column((entry) => expectationNumber(entry.expect)),
    column((entry) => entry.method),
    textArray(ordered.map(({ entry }) => entry.content)),
    textArray(ordered.map(({ entry }) => entry.exact)),
    column((entry) => entry.origin),
    ...resourceColumns.map((_, i) => column((entry) => entry.index?.columns[i])),
    oldestRevision(entries),
    ...indexTables.flatMap((table) => indexArrays(table, ordered)),
  ];
  const consenting = entries.some(({ type }) => type === consentType);
  if (consenting) values.push(...consentArrays(ordered));
  const routing = entries.some(({ type }) => type === endpointType || type === conceptMapType);
  if (routing) values.push(...ruleArrays(ordered));
  const holding = holdsContained(ordered);
  if (holding) values.push(...containedArrays(ordered));
  const audited = entries.some(({ audit }) => audit !== undefined);
  if (audited) values.push(...auditArrays(ordered));
  return { text: textOf({ fresh, holding, consenting, routing, audited }), values };
}

function oldestRevision(entries: readonly WriteEntry[]): number {
  return entries.reduce(
    (oldest, { index, revision = 0 }) => (index ? Math.min(oldest, revision) : oldest),
    latestRevision,
  );
}

/** The values for `insertIndexRows`. */
export function indexArrays(
  table: IndexTable,
  ordered: readonly { entry: Pick<WriteEntry, 'index'>; ord: number }[],
): string[] {
  const rows = ordered.flatMap(({ entry, ord }) =>
    (entry.index?.tables[table.name] ?? []).map((row) => ({ ord, row })),
  );
  return [
    arrayLiteral(rows.map(({ ord }) => ord)),
    ...table.columns.map((_, i) => arrayLiteral(rows.map(({ row }) => row[i]))),
  ];
}

/** What was written, by the entry's position; undefined where its precondition did not hold. */
export function readWritten(rows: readonly unknown[], count: number): (Written | undefined)[] {
  const written: (Written | undefined)[] = new Array<undefined>(count).fill(undefined);
  for (const { ord, rid, ver, last_updated: lastUpdated, created, patient, former } of rows as WrittenRow[]) {
    const patients = [...new Set([former, patient].filter((one) => one !== null))];
    written[ord] = { rid, version: ver, lastUpdated: instantText(lastUpdated), created, patients };
  }
  return written;
}

function expectationNumber(expect: Expectation): number | null {
  return (
    { any: null, absent: 0, live: -1, known: -2 }[expect as string] ?? (typeof expect === 'number' ? expect : null)
  );
}

/**
 * Single writes of concurrent callers as one statement (see combine.ts). A write of an existing resource may wait for
 * a lock that a transaction holds, so a few statements go side by side.
 */
export const combinedWrites: Batching<WriteEntry, Written | undefined> = {
  key: (entry) => `${entry.type}/${entry.id}`,
  statement: writeStatement,
  results: (rows, entries) => readWritten(rows, entries.length),
  lanes: 4,
  most: 200,
};

/** Creations under new ids, apart from the others: they wait for nobody's lock, and need no look at what is there. */
export const combinedCreations: Batching<WriteEntry, Written | undefined> = {
  ...combinedWrites,
  key: () => undefined,
  lanes: 3,
};
