/**
 * The rules of consents beside the Consents themselves (table consent_rule), written in the statement that writes the
 * Consent: what a search asks is never older than what was last committed.
 *
 * The first Consent of a tenant marks it (tenant.consents, tenant-mark.ts), so that those without any never ask.
 */
import { arrayLiteral } from './arrays.ts';
import { rememberedFor } from './tenant-cache.ts';

export interface ConsentColumn {
  readonly name: string;
  /** As it is sent, and as it is kept. */
  readonly sent: 'text' | 'int2' | 'int8' | 'bool';
  readonly kept?: string;
}

const array = (name: string): ConsentColumn => ({ name, sent: 'text', kept: 'text[]' });

/** Besides tenant_id and consent. */
export const consentColumns = [
  { name: 'patient', sent: 'text' },
  { name: 'low', sent: 'int8' },
  { name: 'high', sent: 'int8' },
  { name: 'depth', sent: 'int2' },
  { name: 'permit', sent: 'bool' },
  { name: 'path', sent: 'text' },
  ...['actors', 'actions', 'purposes'].map(array),
  { name: 'types', sent: 'text', kept: 'int2[]' },
  ...['profiles', 'documents', 'codes', 'labels', 'instances', 'related', 'dependents', 'authors'].map(array),
  { name: 'data_low', sent: 'int8' },
  { name: 'data_high', sent: 'int8' },
] as const satisfies readonly ConsentColumn[];

/** The values of a row, in the order of the columns; arrays as PostgreSQL writes them. */
export type ConsentRow = readonly (string | number | boolean | null)[];

/** The CTEs that replace the rules of the Consents among `written (ord, rid, type, fresh)`; parameters from `first` on. */
export function consentStatement(first: number, type: number): string {
  const names = consentColumns.map(({ name }) => name).join(', ');
  const sent = ['int4', ...consentColumns.map((column: ConsentColumn) => column.sent)];
  const arrays = sent.map((one, i) => `$${first + i}::${one}[]`).join(', ');
  const values = consentColumns.map(({ name, kept }: ConsentColumn) => (kept ? `u.${name}::${kept}` : `u.${name}`));
  return `consent_removed as (
    delete from consent_rule c using written w where w.type = ${type} and c.tenant_id = $1 and c.consent = w.rid
  ),
  consent_added as (
    insert into consent_rule (tenant_id, consent, ${names})
    select $1, w.rid, ${values.join(', ')}
    from unnest(${arrays}) as u(ord, ${names}) join written w using (ord)
  )`;
}

type Ordered = readonly {
  readonly entry: { readonly consent?: readonly ConsentRow[] | undefined };
  readonly ord: number;
}[];

/** The values for `consentStatement`, column by column. */
export function consentArrays(ordered: Ordered): string[] {
  const rows = ordered.flatMap(({ entry, ord }) => (entry.consent ?? []).map((row) => [ord, ...row]));
  return Array.from({ length: consentColumns.length + 1 }, (_, i) => arrayLiteral(rows.map((row) => row[i])));
}

/** Whether the mark is so old that every process knows it. */
export function isKnownEverywhere(consents: Date | undefined, now: Date): boolean {
  // A minute for clocks that differ from the database's.
  return consents !== undefined && now.getTime() - consents.getTime() > rememberedFor + 60_000;
}
