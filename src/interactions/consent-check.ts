/**
 * A Consent that is written: one that is in force must be understood to the last element, and becomes rules beside it.
 * src/access/consent.ts has the rules.
 */
import { consentRules, storedRules } from '../access/consent.ts';
import type { ConsentRule, ConsentRules } from '../access/consent-rule.ts';
import type { ConsentContext } from '../access/consent-elements.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { arrayLiteral } from '../store/arrays.ts';
import { consentColumns, isKnownEverywhere, type ConsentRow } from '../store/consent.ts';
import { markTenant } from '../store/tenant-mark.ts';
import type { Context } from '../request.ts';

/** @throws OutcomeError 422 that names the element; none where it is not in force. */
export function checkConsent(resource: JsonObject, context: ConsentContext): ConsentRow[] {
  return rowsOf(consentRules(resource, context));
}

/** Of one that is stored already; what is not understood denies. */
export function storedConsent(resource: JsonObject, context: ConsentContext): ConsentRow[] {
  return rowsOf(storedRules(resource, context));
}

/** Before rules are written: every process must know that this tenant has some. */
export async function announceRules(
  { server, tenant }: Context,
  consents: readonly (readonly ConsentRow[])[],
): Promise<void> {
  if (consents.every((rows) => rows.length === 0) || isKnownEverywhere(tenant.consents, new Date())) return;
  await markTenant(server.database, tenant.id, 'consents');
}

function rowsOf(found: ConsentRules | undefined): ConsentRow[] {
  return (found?.rules ?? []).map((rule) => {
    const values = valuesOf(rule);
    return [found?.patient ?? '', ...consentColumns.slice(1).map(({ name }) => values[name] ?? null)];
  });
}

function valuesOf(rule: ConsentRule): Readonly<Record<string, string | number | boolean | null>> {
  const list = (values: readonly string[] | undefined): string | null =>
    values === undefined ? null : arrayLiteral(values);
  const { path, depth, permit, low, high, dataPeriod } = rule;
  return {
    path,
    depth,
    permit,
    low,
    high,
    actors: list(rule.actors),
    actions: list(rule.actions),
    purposes: list(rule.purposes),
    types: rule.types === undefined ? null : arrayLiteral(rule.types.map((type) => typeNumber(type) ?? -1)),
    profiles: list(rule.profiles),
    documents: list(rule.documents),
    codes: list(rule.codes),
    labels: list(rule.labels),
    instances: list(rule.instances?.map(numbered)),
    related: list(rule.related?.map(numbered)),
    dependents: list(rule.dependents?.map(numbered)),
    authors: list(rule.authors?.map(numbered)),
    data_low: dataPeriod?.low ?? null,
    data_high: dataPeriod?.high ?? null,
  };
}

/** `Observation/1` → `100/1`, as the rows of resources have it. */
function numbered(reference: string): string {
  const [type = '', id = ''] = reference.split('/');
  return `${typeNumber(type) ?? -1}/${id}`;
}
