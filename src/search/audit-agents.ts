/**
 * Conditions on who did it, as SQL on the dictionary of agents: `a` is a row of audit_agent. They are looked up before the
 * events, which name an agent by its number.
 */
import type { Condition, ReferenceValue, StringMode, TokenValue } from './ast.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { raw, sql, type Sql } from '../store/sql.ts';
import { foldSql } from './fold.ts';
import type { ParameterPath } from './parameters.ts';
import { either } from './sql-list.ts';

/** searchparameters/audit-event-client.json: the application alone. */
export const application = "AuditEvent.agent.where(type.coding.where(code = 'IRCP').empty()).who.identifier";

const elements: ReadonlySet<string> = new Set([
  'AuditEvent.agent.who',
  'AuditEvent.agent.name',
  'AuditEvent.agent.role',
  'AuditEvent.agent.altId',
  'AuditEvent.agent.policy',
  application,
]);

export function isAgentPath({ path }: ParameterPath): boolean {
  return elements.has(path.key);
}

/** What stands for the same question in two places. */
export function agentKey(condition: Condition, path: ParameterPath): string {
  const asked = 'values' in condition ? [condition.values, 'mode' in condition ? condition.mode : ''] : [];
  return JSON.stringify([condition.kind, path.path.key, path.target, asked]);
}

/** The questions in a condition, by their keys. */
export function agentQuestions(condition: Condition): Map<string, Sql> {
  if (condition.kind === 'and' || condition.kind === 'or') {
    return new Map(condition.parts.flatMap((part) => [...agentQuestions(part)]));
  }
  if (condition.kind === 'not') return agentQuestions(condition.part);
  const paths = condition.kind === 'missing' ? condition.parameter.paths : 'paths' in condition ? condition.paths : [];
  return new Map(
    paths.filter(isAgentPath).flatMap((path): [string, Sql][] => {
      const found = questionSql(condition, path);
      return found === undefined ? [] : [[agentKey(condition, path), found]];
    }),
  );
}

const content = (member: string): Sql => raw(`(a.content ->> '${member}')`);

/** A person or machine besides the application: only these have an altId, a name and a reference. */
const user = sql`(${content('subject')} <> '' and ${content('subject')} <> ${content('client')})`;

/** Undefined where it cannot be asked; compile-audit.ts says so. */
function questionSql(condition: Condition, path: ParameterPath): Sql | undefined {
  const element = path.path.key.replace('AuditEvent.agent.', '');
  if (element === 'policy') return sql`false`;
  switch (condition.kind) {
    case 'missing':
      return presentSql(element, path);
    case 'reference':
      return element === 'who' ? sql`(${user} and ${either(condition.values.map(referenceSql))})` : undefined;
    case 'reference-identifier':
      return either(condition.values.map(identifierSql));
    case 'token':
      return either(condition.values.map(tokenSql(path.path.key)));
    case 'string':
      return sql`(${user} and ${either(condition.values.map((value) => nameSql(condition.mode, value)))})`;
    default:
      return undefined;
  }
}

function tokenSql(key: string): (value: TokenValue) => Sql {
  if (key === application) return applicationSql;
  return key === 'AuditEvent.agent.role' ? roleSql : altIdSql;
}

function presentSql(element: string, { target }: ParameterPath): Sql {
  if (element === 'who') {
    return target === undefined ? sql`true` : sql`(${user} and starts_with(${content('fhirUser')}, ${`${target}/`}))`;
  }
  if (element === 'role') return sql`a.content -> 'roles' <> '[]'`;
  if (element.startsWith('where(')) return sql`true`;
  return element === 'name' ? sql`(${user} and a.content ? 'name')` : user;
}

function referenceSql({ type, id, version }: ReferenceValue): Sql {
  if (version !== undefined) return sql`false`;
  if (type === undefined) return sql`split_part(${content('fhirUser')}, '/', 2) = ${id}`;
  return sql`${content('fhirUser')} = ${type === null ? id : `${type}/${id}`}`;
}

/** The identifiers of a user and of an application have no system. */
function identifierSql({ system, code }: TokenValue): Sql {
  if ((system ?? '') !== '' || code === undefined) return sql`false`;
  return sql`(${client} = ${code} or (${user} and ${content('subject')} = ${code}))`;
}

const client = sql`coalesce(nullif(${content('client')}, ''), 'unknown')`;

function applicationSql({ system, code }: TokenValue): Sql {
  return (system ?? '') === '' && code !== undefined ? sql`${client} = ${code}` : sql`false`;
}

function altIdSql({ system, code }: TokenValue): Sql {
  if ((system ?? '') !== '') return sql`false`;
  return code === undefined ? user : sql`(${user} and ${content('subject')} = ${code})`;
}

function roleSql({ system, code }: TokenValue): Sql {
  if ((system ?? '') !== '' || code === undefined) return sql`false`;
  return sql`a.content -> 'roles' ? ${code}`;
}

function nameSql(mode: StringMode, value: string): Sql {
  const name = content('name');
  if (mode === 'exact') return sql`${name} = ${value}`;
  const folded = foldSql(name);
  return mode === 'starts' ? sql`starts_with(${folded}, ${value})` : sql`strpos(${folded}, ${value}) > 0`;
}

/** Past so many a condition on agents is none that anybody reads the answer of. */
export const mostAgents = 5_000;

export function tooManyAgents(): Error {
  return outcomeError('too-costly', `More than ${mostAgents} users meet what is asked of the agent; ask for fewer.`, {
    status: 400,
  });
}
