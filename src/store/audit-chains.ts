/**
 * Chains of a search of the audit log (`patient.identifier=…`, `agent:Practitioner.name=…`): the resources at their end
 * are found first, as any search finds them, and the log is asked for their ids.
 *
 * 1. They are found under the caller's own access to their type: what he may not see leads to no event.
 * 2. Bounded: past `most` resources, and past `mostChains` chains, the search is refused, never cut.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { none, type Access, type ChainCondition, type Condition, type Search } from '../search/ast.ts';
import { apartFromLog } from '../search/condition.ts';
import { findIds } from './search.ts';
import type { Session } from './pool.ts';

/** A list that a statement carries well, and that somebody could still read the answer of: a guess. */
const most = 1_000;

/** Each is a search of its own: a guess. */
const mostChains = 20;

/** The condition with ids in place of chains. @throws OutcomeError `too-costly` where one leads to too many, or there are. */
export async function withoutChains(session: Session, condition: Condition, seen: Access): Promise<Condition> {
  const count = chainsIn(condition);
  if (count > mostChains) {
    throw outcomeError(
      'too-costly',
      `The chains lead through ${count} types of resources, and ${mostChains} at most can be followed; name the type, as in entity:Observation.code.`,
      { status: 400 },
    );
  }
  return count === 0 ? condition : resolved(session, condition, seen);
}

function chainsIn(condition: Condition): number {
  if (condition.kind === 'and' || condition.kind === 'or') {
    return condition.parts.reduce((sum, part) => sum + chainsIn(part), 0);
  }
  return condition.kind === 'not' ? chainsIn(condition.part) : Number(condition.kind === 'chain');
}

async function resolved(session: Session, condition: Condition, seen: Access): Promise<Condition> {
  if (condition.kind === 'and' || condition.kind === 'or') {
    const parts: Condition[] = [];
    for (const part of condition.parts) parts.push(await resolved(session, part, seen));
    return { ...condition, parts };
  }
  if (condition.kind === 'not') return { ...condition, part: await resolved(session, condition.part, seen) };
  return condition.kind === 'chain' ? referencesOf(session, condition, seen) : condition;
}

async function referencesOf(session: Session, chain: ChainCondition, seen: Access): Promise<Condition> {
  const { type, paths, condition } = chain;
  if (type === 'AuditEvent') throw apartFromLog(`${type} as the target of a chain`);
  const found = await findIds(session, searchFor(type, condition, seen), most + 1);
  if (found.length > most) {
    throw outcomeError(
      'too-costly',
      `More than ${most} resources of the type ${type} meet what the chain asks of them; ask for fewer.`,
      { status: 400 },
    );
  }
  if (found.length === 0) return none;
  return { kind: 'reference', paths, values: found.map((id) => ({ type, id, version: undefined })) };
}

function searchFor(type: string, condition: Condition, access: Access): Search {
  const visible = access(type) !== undefined;
  return {
    types: visible ? [type] : [],
    condition,
    access,
    sort: [],
    count: most,
    total: 'none',
    summary: undefined,
    elements: undefined,
    includes: [],
    processed: [],
    ignored: [],
  };
}
