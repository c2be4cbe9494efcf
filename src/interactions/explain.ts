/**
 * `_explain=true` on a search: how it was understood, the statements that it ran and PostgreSQL's plans for them, for the
 * person who runs the server. `_explain=analyze` measures each step of the plans, for which the statements run twice.
 *
 * It shows how a laboratory's data lie, so it takes the operator's scope: system/*.cruds, without a filter. The answer is
 * a Parameters resource: `query` (JSON), and for each statement `sql`, `values` (kinds only), `rows`, `milliseconds` and
 * `plan` (JSON).
 */
import { setMember, type JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Answer, Caller, Parameters } from '../request.ts';
import type { Search } from '../search/ast.ts';
import { explaining, type Explained } from '../store/explain.ts';
import type { Session } from '../store/pool.ts';
import { valuesOf } from './headers.ts';

export type Explanation = 'plan' | 'analyze';

/** What the query asks for. @throws OutcomeError 403 where the caller is no operator, 400 for another value. */
export function askedExplanation(caller: Caller, query: Parameters): Explanation | undefined {
  const [value, second] = valuesOf(query, '_explain');
  if (value === undefined || value === 'false') return undefined;
  if (!caller.operator) {
    throw outcomeError('forbidden', 'Your scopes do not allow _explain: that needs the scope system/*.cruds.');
  }
  if (second !== undefined || (value !== 'true' && value !== 'analyze')) {
    throw outcomeError('invalid', `_explain must be true or analyze, not "${value.slice(0, 40)}".`, { status: 400 });
  }
  return value === 'true' ? 'plan' : 'analyze';
}

/** What `run` did. */
export async function explainAnswer(
  session: Session,
  search: Search,
  explanation: Explanation,
  run: (session: Session) => Promise<unknown>,
): Promise<Answer> {
  const recorded = explaining(session, explanation === 'analyze');
  await run(recorded.session);
  const parameter = [{ name: 'query', valueString: queryText(search) }, ...recorded.explained.map(statement)];
  return { status: 200, resource: { resourceType: 'Parameters', parameter } };
}

function statement({ text, kinds, rows, milliseconds, plan }: Explained): JsonObject {
  const time: JsonObject = { name: 'milliseconds' };
  setMember(time, 'valueDecimal', Number(milliseconds.toFixed(2)));
  return {
    name: 'statement',
    part: [
      { name: 'sql', valueString: text },
      { name: 'values', valueString: kinds.map((kind, i) => `$${i + 1} ${kind}`).join(', ') },
      { name: 'rows', valueInteger: rows },
      time,
      { name: 'plan', valueString: plan },
    ],
  };
}

/** The parsed search as JSON: paths and parameters by their names, decimals as texts. */
function queryText({ types, condition, sort, count, total, includes }: Search): string {
  return JSON.stringify({ types, condition, sort, count, total, includes }, (key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    if (value instanceof Map) return Object.fromEntries(value as Map<string, unknown>);
    if (key === 'path' || key === 'code') return named(value, 'key');
    return key === 'parameter' ? named(value, 'name') : value;
  });
}

function named(value: unknown, by: string): unknown {
  return typeof value === 'object' && value !== null && by in value ? (value as Record<string, unknown>)[by] : value;
}
