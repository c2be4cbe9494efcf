/**
 * Results as HL7 v2 has them: in reports. One that no report of the export has becomes a report of itself; one that is part
 * of another goes with that. Where the export begins at a moment, a result that changed since is told with its reports, so
 * that who reads them knows which result that is.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { parseStored } from '../../interactions/document.ts';
import type { Stored } from '../../store/read.ts';
import { list, member, string } from '../../translation/out/source.ts';
import type { Archiving } from './format.ts';
import { selected } from './selected.ts';

/** The reports that are to be told for these Observations besides those that are told by themselves. */
export async function reportsFor(archiving: Archiving, observations: readonly JsonObject[]): Promise<JsonObject[]> {
  if (observations.length === 0) return [];
  const parents = await havingMembers(archiving, observations);
  const reports = await reporting(archiving, [...observations, ...parents.values()]);
  const isSince = archiving.times.since !== undefined;
  const told = new Map<string, JsonObject>();
  for (const one of observations) {
    const whole = isSince ? topOf(one, parents) : one;
    const having = reports.get(nameOf(whole)) ?? reports.get(nameOf(one)) ?? [];
    if (having.length === 0 && (isSince || !parents.has(nameOf(one))))
      told.set(nameOf(whole), reportOfItself(archiving, whole));
    if (isSince) for (const { name, report, toldAnyway } of having) if (!toldAnyway) told.set(name, report);
  }
  return [...told.values()];
}

function nameOf({ resourceType, id }: JsonObject): string {
  return `${string(resourceType)}/${string(id)}`;
}

/** By the member, one that has it. */
async function havingMembers(
  archiving: Archiving,
  observations: readonly JsonObject[],
): Promise<Map<string, JsonObject>> {
  const found = await selected(archiving, 'Observation', [['has-member', observations.map(nameOf).join(',')]]);
  const parents = new Map<string, JsonObject>();
  for (const stored of found) {
    const parent = parseStored(stored.text ?? '{}');
    for (const one of list(parent['hasMember'])) {
      const name = referenceOf(one);
      if (name !== nameOf(parent)) parents.set(name, parent);
    }
  }
  return parents;
}

function topOf(one: JsonObject, parents: ReadonlyMap<string, JsonObject>): JsonObject {
  return parents.get(nameOf(one)) ?? one;
}

interface Having {
  readonly name: string;
  readonly report: JsonObject;
  /** It changed in the same time, and stands among the reports. */
  readonly toldAnyway: boolean;
}

/** By the result. */
async function reporting(archiving: Archiving, results: readonly JsonObject[]): Promise<Map<string, Having[]>> {
  const names = [...new Set(results.map(nameOf))];
  const reports = new Map<string, Having[]>();
  for (const stored of await selected(archiving, 'DiagnosticReport', [['result', names.join(',')]])) {
    const report = parseStored(stored.text ?? '{}');
    const having = { name: nameOf(report), report, toldAnyway: isWithin(stored, archiving.times) };
    for (const one of list(report['result'])) {
      const name = referenceOf(one);
      reports.set(name, [...(reports.get(name) ?? []), having]);
    }
  }
  return reports;
}

function referenceOf({ reference }: JsonObject): string {
  return string(reference).replace(/\/_history\/\d+$/, '');
}

function isWithin({ lastUpdated }: Stored, { moment, since, until }: Archiving['times']): boolean {
  const at = Date.parse(lastUpdated);
  return (
    at <= Date.parse(moment) &&
    (since === undefined || at > Date.parse(since)) &&
    (until === undefined || at < Date.parse(until))
  );
}

/** Marks what is no report of the laboratory, but the message of a result. */
export const ofItself = 'urn:makhbar:export:result';

function reportOfItself({ context }: Archiving, result: JsonObject): JsonObject {
  const { id, status, code, subject, encounter, basedOn, effectiveDateTime, effectivePeriod, issued, specimen } =
    result;
  const named = { status, code, subject, encounter, basedOn, effectiveDateTime, effectivePeriod, issued };
  const said = Object.entries(named).filter((entry): entry is [string, JsonObject[string]] => entry[1] !== undefined);
  return {
    resourceType: 'DiagnosticReport',
    id: string(id),
    meta: { source: ofItself },
    identifier: [{ system: `${context.base}/Observation`, value: string(id) }],
    ...Object.fromEntries(said),
    ...(member(specimen, 'reference') !== undefined && { specimen: [specimen as JsonObject] }),
    result: [{ reference: nameOf(result) }],
  };
}
