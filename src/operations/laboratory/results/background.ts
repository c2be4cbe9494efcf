/** What results are judged against: definitions, the patient, what is there already, controls, rules. */
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { together } from '../../../interactions/together.ts';
import { subjectOf } from '../../../laboratory/order.ts';
import { autoverificationCode } from '../../../laboratory/result/autoverify.ts';
import { readResultRules, reflexCode, repeatCode, type ResultRules } from '../../../laboratory/result/follow-up.ts';
import { nameOf } from '../../../laboratory/result/value.ts';
import type { AnalyteDefinition } from '../../../laboratory/definition.ts';
import type { Earlier } from '../../../laboratory/result/delta.ts';
import type { Context } from '../../../request.ts';
import { isHeld, openHolds } from '../quality/control-holds.ts';
import { lastControls } from '../quality/last-controls.ts';
import type { Known } from '../server-rights.ts';
import { known, knownBy } from '../specimens-and-orders.ts';
import { earlierResults } from './history.ts';
import { orderedAnalytes, type OrderedAnalytes } from './ordered-analytes.ts';
import { reportsOfOrders } from './report-of-orders.ts';
import type { Work } from './work-up.ts';

export interface Background {
  readonly subject: string;
  readonly patient: JsonObject;
  readonly analytes: OrderedAnalytes;
  readonly existing: readonly Known[];
  readonly report: Known | undefined;
  readonly earlier: ReadonlyMap<AnalyteDefinition, Earlier>;
  readonly holds: readonly Known[];
  /** By analyte: `in-control` or `failed`; where none was measured on the analyzer lately, nothing. */
  readonly controls: ReadonlyMap<string, string>;
  readonly rules: ResultRules;
  /** Where comments are given by their codes. */
  readonly commentSystems?: readonly JsonObject[];
}

export const topicSystem = 'urn:makhbar:laboratory';

export async function backgroundOf(server: Context, work: Work): Promise<Background> {
  const names = work.orders.map(({ resource }) => `ServiceRequest/${String(resource['id'])}`);
  const subjects = new Set(work.orders.map(({ resource }) => subjectOf(resource)));
  const [subject = ''] = subjects;
  if (subjects.size > 1) throw outcomeError('business-rule', 'The orders are of several patients: results are of one.');
  const [analytes, patient, existing, [report], rules, holds] = await together([
    orderedAnalytes(server, work.orders),
    known(server, 'Patient', subject.split('/')[1] ?? ''),
    knownBy(server, 'Observation', [['based-on', names.join()]]),
    reportsOfOrders(server, names),
    rulesOf(server),
    work.device === undefined ? Promise.resolve([]) : openHolds(server),
  ]);
  const definitions = analytes.all.map(({ definition }) => definition);
  const [earlier, controls] = await together([
    earlierResults(server, subject, definitions, work.at),
    controlsOf(server, work, { definitions, holds, rules }),
  ]);
  return { subject, patient: patient.resource, analytes, existing, report, earlier, holds, controls, rules };
}

async function rulesOf(server: Context): Promise<ResultRules> {
  const topics = [autoverificationCode, reflexCode, repeatCode].map((code) => `${topicSystem}|${code}`);
  const plans = await knownBy(server, 'PlanDefinition', [
    ['topic', topics.join()],
    ['status', 'active'],
  ]);
  return readResultRules(plans.map(({ resource }) => resource));
}

async function controlsOf(
  server: Context,
  { device }: Work,
  { definitions, holds, rules }: { definitions: readonly AnalyteDefinition[] } & Pick<Background, 'holds' | 'rules'>,
): Promise<ReadonlyMap<string, string>> {
  const { verification, reflex, repeat } = rules;
  if (device === undefined || verification.length + reflex.length + repeat.length === 0) return new Map();
  const passed = await lastControls(server, device);
  return new Map(
    definitions.flatMap((definition) => {
      const name = nameOf(definition);
      if (isHeld(holds, name, device)) return [[name, 'failed'] as const];
      const state = passed.get(name);
      return state === undefined ? [] : [[name, state] as const];
    }),
  );
}
