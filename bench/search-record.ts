/**
 * The statements of a search: made by running it through the store's own code on a session that writes them down. The
 * first search of each line is compared with what the server says by `_explain`, so that it cannot be another SQL.
 */
import { typeName } from '../src/fhir/resource-types.ts';
import { defaultParameters } from '../src/search/parameters.ts';
import { parseSearch } from '../src/search/parse.ts';
import type { Database, Session, Statement } from '../src/store/pool.ts';
import { positionFrom, runSearch } from '../src/store/search.ts';
import { render } from '../src/store/sql.ts';

export interface Recorded {
  statements: Statement[];
  /** `Type/id` of the matches, then of what is included. */
  found: string[];
  total: number | undefined;
}

/** @param path `Type?query`, a cursor of the server included */
export async function recordSearch(database: Database, tenant: number, path: string): Promise<Recorded> {
  const [type, query] = path.split('?') as [string, string];
  const pairs = [...new URLSearchParams(query)];
  const statements: Statement[] = [];
  const session: Session = {
    tenant,
    query: (statement) => {
      const rendered = 'text' in statement ? statement : render(statement);
      statements.push(rendered);
      return database.query(tenant, rendered);
    },
  };
  const cursor = pairs.find(([name]) => name === '_cursor')?.[1];
  const search = parseSearch(type, pairs, { parameters: defaultParameters });
  const page = await runSearch(session, search, cursor === undefined ? undefined : positionFrom(positionIn(cursor)));
  const found = [...page.matches, ...page.included].map((stored) => `${typeName(stored.type)}/${stored.id}`);
  return { statements, found, total: page.total };
}

/** The payload of a cursor, without its signature (interactions/cursor.ts). */
export function positionIn(cursor: string): (string | null)[] {
  const [payload = ''] = cursor.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as (string | null)[];
}
