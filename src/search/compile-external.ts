/**
 * Conditions on events of other systems as SQL on a row `e` of audit_event: on their terms (external-terms.ts) in
 * `detail`, on their time in `recorded`, and on their patients by the index that the events of this server have too.
 *
 * `date` asks for AuditEvent.recorded as it was sent, `_lastUpdated` for when it was received.
 *
 * No index leads to a term: under row level security PostgreSQL uses an index only for operators that are leakproof, which
 * those of jsonb are not, and a table of terms would cost some 2 kB an event. Events of other systems are read in the order
 * of time until a page is full; `_lastUpdated` bounds that, and the statement's time limit does.
 */
import type { JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sql, type Sql } from '../store/sql.ts';
import type { ReferenceValue, RowLeaf, StringMode, TokenValue, UriLeaf } from './ast.ts';
import { patientAlternatives, type Alternative } from './audit-entity.ts';
import { updatedSql } from './date-sql.ts';
import { isTerm, keyOf } from './external-terms.ts';
import type { ParameterPath } from './parameters.ts';
import { either } from './sql-list.ts';
import { ancestors } from './uri.ts';

/** Alternatives of which an index may find one each. */
export function externalAlternatives(leaf: RowLeaf, path: ParameterPath, tenant: number): Alternative[] {
  if (leaf.kind === 'reference' && keyOf(path.path.key) === 'entity.what')
    return entityAlternatives(leaf.values, tenant);
  return [{ where: leafSql(leaf, path) }];
}

function leafSql(leaf: RowLeaf, path: ParameterPath): Sql {
  const key = keyOf(path.path.key);
  if (leaf.kind === 'date' && key === 'recorded') {
    return either(leaf.values.map((value) => updatedSql(sql`e.recorded`, value)));
  }
  if (!isTerm(key)) throw inexpressible(path, leaf.kind);
  switch (leaf.kind) {
    case 'token':
      return has(key, leaf.values.map(tokenTerm));
    case 'reference-identifier':
      return has(`${key}:identifier`, leaf.values.map(tokenTerm));
    case 'reference':
      return has(key, leaf.values.map(referenceTerm));
    case 'string':
      return either(leaf.values.map((value) => stringSql(key, leaf.mode, value)));
    case 'uri':
      return either(leaf.values.map((value) => uriSql(key, leaf, value)));
    default:
      throw inexpressible(path, leaf.kind);
  }
}

export function externalPresentSql(path: ParameterPath): Sql {
  const key = keyOf(path.path.key);
  if (key === 'recorded') return sql`true`;
  if (!isTerm(key)) throw inexpressible(path, 'missing');
  if (path.target !== undefined) return has(key, [{ t: path.target }]);
  return sql`(e.detail -> 'terms' ?| ${[key, `${key}:identifier`]}::text[])`;
}

/** Labels are not judged one by one: what has any is for those who are cleared for all. */
export const withoutLabel: Sql = sql`not (e.detail ? 'labelled')`;

/** One of the terms. */
function has(key: string, terms: readonly JsonValue[]): Sql {
  const texts = terms.map((term) => JSON.stringify({ terms: { [key]: [term] } }));
  return texts.length === 1 ? sql`e.detail @> ${texts[0]}::jsonb` : sql`e.detail @> any(${texts}::jsonb[])`;
}

function tokenTerm({ system, code }: TokenValue): JsonValue {
  return { ...(system !== undefined && { s: system ?? '' }), ...(code !== undefined && { c: code }) };
}

function referenceTerm({ type, id, version }: ReferenceValue): JsonValue {
  if (type === null) return { u: id };
  return { ...(type !== undefined && { t: type }), i: id, ...(version !== undefined && { v: version }) };
}

/** Patients by the index of them. */
function entityAlternatives(values: readonly ReferenceValue[], tenant: number): Alternative[] {
  const isPatient = ({ type, version }: ReferenceValue): boolean => type === 'Patient' && version === undefined;
  const patients = values.filter(isPatient).map(({ id }) => id);
  const others = values.filter((value) => !isPatient(value)).map(referenceTerm);
  return [
    ...(patients.length === 0 ? [] : patientAlternatives(patients, tenant)),
    ...(others.length === 0 ? [] : [{ where: has('entity.what', others) }]),
  ];
}

function stringSql(key: string, mode: StringMode, value: string): Sql {
  const compare = {
    starts: sql`starts_with(v ->> 'f', ${value})`,
    exact: sql`v ->> 'r' = ${value}`,
    contains: sql`strpos(v ->> 'f', ${value}) > 0`,
  }[mode];
  return sql`exists (select from jsonb_array_elements(e.detail -> 'terms' -> ${key}) v where ${compare})`;
}

function uriSql(key: string, { mode }: UriLeaf, value: string): Sql {
  if (mode === 'equal') return has(key, [value]);
  if (mode === 'above') return has(key, ancestors(value));
  const folder = value.endsWith('/') ? value : `${value}/`;
  return sql`exists (select from jsonb_array_elements_text(e.detail -> 'terms' -> ${key}) v
    where v = ${value} or starts_with(v, ${folder}))`;
}

function inexpressible({ path }: ParameterPath, kind: string): Error {
  const sentence = `"${path.key} as ${kind}" cannot be asked of events that other systems sent.`;
  return outcomeError('not-supported', sentence, { status: 400 });
}
