/**
 * What a receiver was told and is not so any more: a resource that was deleted or entered in error.
 *
 * 1. Only what the interface was told of is taken back, once. What it was told, its messages say; where they are forgotten by
 *    now (retention), that the version before met the rule.
 * 2. The rule need not ask for it: `DiagnosticReport?status=final` is for nobody who is to believe what was withdrawn.
 * 3. A result is taken back in the reports that have it: peers know results by them.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { typeName } from '../../fhir/resource-types.ts';
import { withdrawalOf } from '../../hl7v2/outgoing.ts';
import { accessOf } from '../../interactions/access.ts';
import { areVisible } from '../../interactions/as-if.ts';
import { parseStored } from '../../interactions/document.ts';
import { endedResource } from '../../interactions/ended.ts';
import { findMatches } from '../../interactions/matches.ts';
import type { Context } from '../../request.ts';
import { readVersions } from '../../store/history.ts';
import { toldVersions } from '../../store/outbox.ts';
import type { Stored } from '../../store/read.ts';
import type { Registered } from '../interfaces.ts';
import type { SendRule } from './outbound-settings.ts';

/** What a message is made of, and the version that it tells. */
export interface Root {
  readonly stored: Stored;
  readonly resource: JsonObject;
}

/** A version that says that what was said before is not so. */
export function isWithdrawn({ text }: Stored): boolean {
  return text === null || parseStored(text)['status'] === 'entered-in-error';
}

export interface Withdrawing {
  readonly rule: SendRule;
  readonly stored: Stored;
  /** Whether a version meets the rule. */
  readonly isFor: (context: Context, rule: SendRule, stored: Stored) => Promise<boolean>;
}

interface To {
  readonly interface: Pick<Registered, 'id'>;
}

/** None where it is not withdrawn, or the interface never heard of it. */
export async function withdrawnRoots(context: Context, to: To, withdrawing: Withdrawing): Promise<Root[]> {
  const { rule, stored } = withdrawing;
  if (!isWithdrawn(stored)) return [];
  const type = typeName(stored.type);
  const [before] = await readVersions(context.session, [{ rid: stored.rid, version: stored.version - 1 }]);
  if (before === undefined || before.text === null) return [];
  const [seen] = await areVisible(context, [before], accessOf(context, 'r'));
  if (seen !== true) return [];
  const [ofType] = rule.criteria.split('?');
  if (type === 'Observation' && (ofType === 'DiagnosticReport' || ofType === 'Observation')) {
    return toldReports(context, to, { ...withdrawing, before });
  }
  if (type !== ofType || isWithdrawn(before) || !(await wasTold(context, to, { ...withdrawing, before }))) return [];
  return [{ stored, resource: stored.text === null ? endedResource(before) : parseStored(stored.text) }];
}

interface Before extends Withdrawing {
  readonly before: Stored;
}

async function wasTold(context: Context, to: To, { rule, stored, before, isFor }: Before): Promise<boolean> {
  const told = await toldVersions(context.session, to.interface.id, `${typeName(stored.type)}/${stored.id}`);
  const version = told.get(rule.message);
  // A11 itself takes back.
  if (rule.message === 'ADT^A11') return false;
  if (version === undefined) return isFor(context, rule, before);
  const withdrawal = withdrawalOf(typeName(stored.type), rule.message);
  if (withdrawal !== rule.message) return (told.get(withdrawal) ?? 0) < version;
  const [last] = await readVersions(context.session, [{ rid: stored.rid, version }]);
  return last !== undefined && !isWithdrawn(last);
}

async function toldReports(context: Context, to: To, { rule, stored, before, isFor }: Before): Promise<Root[]> {
  const roots: Root[] = [];
  for (const report of await reportsOf(context, stored)) {
    const told = await toldVersions(context.session, to.interface.id, `DiagnosticReport/${report.id}`);
    const asked = rule.criteria.startsWith('Observation') ? before : report;
    if (!told.has(rule.message) && !(await isFor(context, rule, asked))) continue;
    roots.push({ stored: report, resource: parseStored(report.text ?? '{}') });
  }
  return roots;
}

/** Reports of one result. */
const mostReports = 20;

/** The reports of a result, as they are, and those of a panel that it is a member of. */
export async function reportsOf(context: Context, { id }: Stored): Promise<Stored[]> {
  const reports = new Map<string, Stored>();
  for (const parameter of ['result', 'result:Observation.has-member']) {
    const criteria = [
      [parameter, `Observation/${id}`],
      ['status:not', 'registered,entered-in-error'],
    ] as const;
    const found = await findMatches(context, 'DiagnosticReport', criteria, mostReports);
    for (const { stored } of found) reports.set(stored.id, stored);
  }
  return [...reports.values()];
}
