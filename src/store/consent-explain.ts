/** What of a patient's resources somebody would see, and which rules of consents decide on one: for $consent-explain. */

import { resourceTypes, typeName, typeNumber } from '../fhir/resource-types.ts';
import type { Access, Condition } from '../search/ast.ts';
import { conditionSql, visibleSql } from '../search/compile-condition.ts';
import type { ConsentCondition } from '../search/consent-condition.ts';
import { matchingRules } from '../search/consent-sql.ts';
import { makeScope } from '../search/scope.ts';
import type { Session } from './pool.ts';
import { join, raw, sql } from './sql.ts';

export interface Layers {
  /** Which resources are asked about. */
  readonly among: Condition;
  readonly scopes: Access;
  readonly labels: Condition;
  readonly consent: Condition;
  /** A patient whom most of them belong to. */
  readonly patient: string;
}

/** Resources of a type: how many there are, and how many each layer lets through. */
export interface TypeCount {
  readonly type: string;
  readonly total: number;
  readonly byScopes: number;
  readonly byLabels: number;
  readonly byConsent: number;
  readonly visible: number;
}

const row = raw('r');

export async function countByType(session: Session, layers: Layers): Promise<TypeCount[]> {
  const scope = makeScope(session.tenant, layers.scopes, { patient: layers.patient });
  const rows = await session.query<Omit<TypeCount, 'type'> & { type: number }>(sql`
    select l.type, count(*)::int4 as total, (count(*) filter (where l.scopes))::int4 as "byScopes",
      (count(*) filter (where l.labels))::int4 as "byLabels", (count(*) filter (where l.consent))::int4 as "byConsent",
      (count(*) filter (where l.scopes and l.labels and l.consent))::int4 as visible
    from (select r.type, coalesce(${visibleSql(resourceTypes, row, scope)}, false) as scopes,
        ${conditionSql(layers.labels, row, scope)} as labels, ${conditionSql(layers.consent, row, scope)} as consent
      from resource r where r.tenant_id = ${session.tenant} and not r.deleted
        and ${conditionSql(layers.among, row, scope)}) l
    group by l.type`);
  return rows.map((one) => ({ ...one, type: typeName(one.type) })).sort((a, b) => (a.type < b.type ? -1 : 1));
}

export interface MatchingRule {
  readonly patient: string;
  /** The Consent's id. */
  readonly consent: string;
  readonly path: string;
  readonly depth: number;
  readonly permit: boolean;
}

/** The rules that meet the request and the resource, by any of the conditions. */
export async function rulesFor(
  session: Session,
  resource: { readonly type: string; readonly id: string },
  conditions: readonly ConsentCondition[],
): Promise<MatchingRule[]> {
  if (conditions.length === 0) return [];
  const scope = makeScope(session.tenant, () => undefined);
  const rules = conditions.map((condition) => sql`(${matchingRules(condition, row, scope)})`);
  return session.query<MatchingRule>(sql`
    select m.patient, k.fhir_id as consent, m.path, m.depth, m.permit
    from resource r cross join lateral (${join(rules, ' union ')}) m
    join resource k on k.tenant_id = ${session.tenant} and k.rid = m.consent
    where r.tenant_id = ${session.tenant} and r.type = ${typeNumber(resource.type)}::int2 and r.fhir_id = ${resource.id}
    order by m.patient, k.fhir_id, m.depth desc, m.permit, m.path`);
}
