/**
 * One report of what was ordered together (ServiceRequest.requisition), whatever specimens it took: reports/requisition.ts says
 * what it tells.
 *
 * 1. Only what is released is told; results that are not, and orders that have none, are told as still to come.
 * 2. The reports that are wholly released, the results, their specimens, the patient, and the orders that are waited for are
 *    read with the caller's rights: where one of them may not be read there is no report (403).
 * 3. Which orders and reports belong together is the server's to find, among those of one patient. What was added to a
 *    specimen later by another requisition belongs to it too, because it stands in the same report.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { parseStored } from '../../../interactions/document.ts';
import { findMatches } from '../../../interactions/matches.ts';
import { newTrail } from '../../../interactions/trail.ts';
import { object, text } from '../../../laboratory/terms.ts';
import { isWhole, referencesOf, reportOfRequisition } from '../../../reports/requisition.ts';
import type { Context } from '../../../request.ts';
import type { Stored } from '../../../store/read.ts';
import { isOpen } from '../results/ordered-analytes.ts';
import { asServer } from '../server-rights.ts';
import { coreOf, patientOf, readable, reportOf, resultsOf, type Core } from './gather.ts';

/** Orders and reports of one requisition: more than any patient is asked for at once (a guess). */
const most = 300;

interface Found {
  readonly stored: Stored;
  readonly resource: JsonObject;
}

type ByReference = Map<string, Found>;

/** @throws OutcomeError `not-found`, `forbidden`, `too-costly` */
export async function requisitionOf(context: Context, id: string): Promise<Core> {
  const asked = await reportOf(context, id);
  const { orders, reports } = await togetherWith(asServer(context), asked);
  const live = [...reports.values()].filter(({ resource }) => !isEnded(resource));
  const [first] = live;
  if (first === undefined) return coreOf(context, id);
  const whole = live.filter(({ resource }) => isWhole(resource)).map(({ resource }) => resource);
  await readable(context, whole.map(nameOf), ['DiagnosticReport']);
  const results = await releasedResults(
    context,
    live.map(({ resource }) => resource),
  );
  const told = live.filter(
    ({ resource }) => isWhole(resource) || referencesOf([resource], 'result').some((one) => results.has(one)),
  );
  const awaited = awaitedOf(orders, whole);
  await readable(context, awaited.map(nameOf), ['ServiceRequest']);
  const specimens = await readable(context, specimensOf(results), ['Specimen']);
  const anchor = told[0] ?? first;
  const parts = told.map(({ resource }) => resource);
  const report = reportOfRequisition(anchor.resource, {
    reports: parts,
    waiting: awaited.length > 0 || live.length > whole.length,
    orders: [...new Set([...referencesOf(parts, 'basedOn'), ...awaited.map(nameOf)])],
    specimens: specimens.map(nameOf),
    results: new Set(results.keys()),
  });
  return {
    kind: 'requisition',
    stored: anchor.stored,
    ...{ report, parts, results, specimens, orders: awaited },
    rids: [...reports.values()].map(({ stored }) => stored.rid),
    patient: await patientOf(context, report),
  };
}

function nameOf({ resourceType, id }: JsonObject): string {
  return `${String(resourceType)}/${String(id)}`;
}

function isEnded({ status }: JsonObject): boolean {
  return status === 'entered-in-error' || status === 'cancelled';
}

/** All of the reports that are wholly released; of the others what is. */
async function releasedResults(context: Context, reports: readonly JsonObject[]): Promise<Core['results']> {
  // What is only looked at is nothing that is shown.
  const looking = { ...asServer(context), trail: newTrail(context.trail.asked) };
  const names: string[] = [];
  for (const report of reports) {
    const all = await resultsOf(looking, report);
    names.push(...[...all].flatMap(([name, one]) => (isWhole(report) || isWhole(one) ? [name] : [])));
  }
  const read = await readable(context, names, ['Observation']);
  return new Map(read.map((one) => [nameOf(one), one]));
}

function specimensOf(results: Core['results']): string[] {
  return [...results.values()].flatMap((one) => text(object(one['specimen'])['reference']) ?? []);
}

/** Orders that stand, and that no wholly released report answers; an order that was taken apart waits by its parts. */
function awaitedOf(orders: ByReference, whole: readonly JsonObject[]): JsonObject[] {
  const all = [...orders.values()].map(({ resource }) => resource);
  const answered = new Set([...referencesOf(whole, 'basedOn'), ...referencesOf(all, 'basedOn')]);
  return all.filter((resource) => isOpen({ resource }) && !answered.has(nameOf(resource)));
}

/** The orders of the requisitions of a report, and all reports of those, until there are no more. */
async function togetherWith(
  server: Context,
  asked: Pick<Core, 'stored' | 'report'>,
): Promise<{ readonly orders: ByReference; readonly reports: ByReference }> {
  const subject = text(object(asked.report['subject'])['reference']) ?? '';
  const orders: ByReference = new Map();
  const reports: ByReference = new Map([[nameOf(asked.report), { stored: asked.stored, resource: asked.report }]]);
  const add = async (to: ByReference, type: string, [name, values]: readonly [string, readonly string[]]) => {
    if (values.length === 0 || subject === '') return;
    const criteria = [
      [name, values.join()],
      ['subject', subject],
    ] as const;
    const found = await findMatches(server, type, criteria, most + 1);
    for (const { stored, text: content } of found) {
      const resource = parseStored(content);
      if (!to.has(nameOf(resource))) to.set(nameOf(resource), { stored, resource });
    }
    if (to.size > most) throw outcomeError('too-costly', `What was ordered together has more than ${most} ${type}s.`);
  };
  for (let before = 0; before < orders.size + reports.size;) {
    before = orders.size + reports.size;
    const named = referencesOf(
      [...reports.values()].map(({ resource }) => resource),
      'basedOn',
    );
    await add(orders, 'ServiceRequest', ['_id', idsOf(named.filter((one) => !orders.has(one)))]);
    await add(orders, 'ServiceRequest', ['requisition', requisitionsOf(orders)]);
    await add(reports, 'DiagnosticReport', ['based-on', [...orders.keys()]]);
  }
  return { orders, reports: inOrder(reports) };
}

function idsOf(references: readonly string[]): string[] {
  return references.flatMap((one) => /^ServiceRequest\/([A-Za-z0-9.-]{1,64})$/.exec(one)?.[1] ?? []);
}

/** As tokens of a search. */
function requisitionsOf(orders: ByReference): string[] {
  const tokens = [...orders.values()].flatMap(({ resource }) => {
    const { system, value } = object(resource['requisition']);
    const parts = [text(system) ?? '', text(value) ?? ''].map((one) => one.replaceAll(/[\\,$|]/g, String.raw`\$&`));
    return parts[1] === '' ? [] : [parts.join('|')];
  });
  return [...new Set(tokens)];
}

/** Ids that the server gives grow: the first that was made comes first, whichever is asked for. */
function inOrder(reports: ByReference): ByReference {
  return new Map([...reports].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
