/**
 * A session that keeps, for each statement that it runs, its text, its rows, its time and PostgreSQL's plan: what a search
 * really did, step by step, without a second description of how searches are run.
 * https://www.postgresql.org/docs/current/sql-explain.html
 */
import type { Session, Statement } from './pool.ts';
import { render, type Sql } from './sql.ts';

export interface Explained {
  readonly text: string;
  /** Of the bound values only their kinds: `number`, `text`, `text[3]`. */
  readonly kinds: readonly string[];
  readonly rows: number;
  readonly milliseconds: number;
  /** JSON text. */
  readonly plan: string;
}

/** @param analyze runs each statement once more, with the time and rows of each step */
export function explaining(session: Session, analyze: boolean): { session: Session; explained: Explained[] } {
  const explained: Explained[] = [];
  const options = analyze ? 'format json, analyze, buffers' : 'format json';
  const query = async <Row>(statement: Sql | Statement): Promise<Row[]> => {
    const { text, values } = 'text' in statement ? statement : render(statement);
    const started = performance.now();
    const rows = await session.query<Row>(statement);
    const milliseconds = performance.now() - started;
    const [first] = await session.query<{ 'QUERY PLAN': string }>({ text: `explain (${options}) ${text}`, values });
    const plan = first?.['QUERY PLAN'] ?? '';
    explained.push({ text, kinds: values.map(kindOf), rows: rows.length, milliseconds, plan });
    return rows;
  };
  return { session: { tenant: session.tenant, query }, explained };
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return `${kindOf(value[0])}[${value.length}]`;
  return typeof value === 'string' ? 'text' : typeof value;
}
