/**
 * What a report tells, read for a caller.
 *
 * 1. The report, its patient, results and specimens are read with the caller's rights; where one of them may not be read
 *    there is no report (403): one with something left out would be taken for the whole.
 * 2. Earlier results, and results that were withdrawn, are shown only where the caller may read all of them: of the latter it
 *    is only said that there was one, and who reads what is released alone is to have the report without it.
 * 3. Names, order dates and the catalogue are the server's to tell.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { isId } from '../../../fhir/reference.ts';
import { typeNumber } from '../../../fhir/resource-types.ts';
import { plainAccessOf } from '../../../interactions/access.ts';
import { parseStored } from '../../../interactions/document.ts';
import { findMatches } from '../../../interactions/matches.ts';
import { showed } from '../../../interactions/trail.ts';
import { visibleCurrent } from '../../../interactions/visible.ts';
import { object, objects, text } from '../../../laboratory/terms.ts';
import type { Gathered } from '../../../reports/gathered.ts';
import type { Context } from '../../../request.ts';
import { readVersion, type Stored } from '../../../store/read.ts';
import { visibleRids } from '../../../store/visible.ts';
import { asServer } from '../server-rights.ts';
import { earlierOf } from './earlier.ts';
import { orderedOf } from './ordered.ts';
import { peopleOf } from './people.ts';

/** What the report tells by itself: whatever of it changes makes another document. */
export interface Core {
  /** The documents of one are not those of the other. */
  readonly kind: 'report' | 'requisition';
  /** What its documents are kept with. */
  readonly stored: Stored;
  readonly report: JsonObject;
  /** The reports that it is made of, as they are stored: itself, or the reports of a requisition (requisition.ts). */
  readonly parts: readonly JsonObject[];
  /** Our numbers of the reports whose documents it supersedes. */
  readonly rids: readonly string[];
  /** What else it tells of, so that whoever may not read that may not read its documents. */
  readonly orders: readonly JsonObject[];
  readonly patient: JsonObject | undefined;
  readonly results: ReadonlyMap<string, JsonObject>;
  readonly specimens: readonly JsonObject[];
}

/** Of one report. */
const mostWithdrawn = 500;

/** Groups within groups. */
const deepest = 4;

/** @throws OutcomeError `not-found` */
export async function reportOf(context: Context, id: string): Promise<Pick<Core, 'stored' | 'report'>> {
  const stored = await visibleCurrent(context, { type: typeNumber('DiagnosticReport') ?? -1, id });
  if (stored?.text === null) throw outcomeError('deleted', `DiagnosticReport/${id} was deleted.`);
  if (stored === undefined) throw outcomeError('not-found', `There is no DiagnosticReport/${id.slice(0, 64)}.`);
  const report = parseStored(stored.text);
  showed(context.trail, stored);
  return { stored, report };
}

/** @throws OutcomeError `not-found`, `forbidden` */
export async function coreOf(context: Context, id: string): Promise<Core> {
  const { stored, report } = await reportOf(context, id);
  const patient = await patientOf(context, report);
  const results = await resultsOf(context, report);
  const named = [report, ...results.values()].flatMap((one) => [
    ...objects(one['specimen']).flatMap(({ reference }) => text(reference) ?? []),
    ...[text(object(one['specimen'])['reference'])].filter((reference) => reference !== undefined),
  ]);
  const specimens = await readable(context, named, ['Specimen']);
  const { rid } = stored;
  return { kind: 'report', stored, report, parts: [report], rids: [rid], orders: [], patient, results, specimens };
}

export async function patientOf(context: Context, report: JsonObject): Promise<JsonObject | undefined> {
  const subject = text(object(report['subject'])['reference']);
  const [patient] = subject === undefined ? [] : await readable(context, [subject], ['Patient']);
  return patient;
}

/** Results and the members of groups, in their order. */
export async function resultsOf(context: Context, report: JsonObject): Promise<Map<string, JsonObject>> {
  const found = new Map<string, JsonObject>();
  let wanted = objects(report['result']).flatMap(({ reference }) => text(reference) ?? []);
  for (let level = 0; level <= deepest && wanted.length > 0; level++) {
    const read = await readable(context, wanted, ['Observation']);
    for (const one of read) found.set(`Observation/${String(one['id'])}`, one);
    wanted = read
      .flatMap((one) => objects(one['hasMember']).flatMap(({ reference }) => text(reference) ?? []))
      .filter((one) => !found.has(one));
  }
  return found;
}

/** What local references of some types lead to. @throws OutcomeError `forbidden` where one may not be read. */
export async function readable(
  context: Context,
  references: readonly string[],
  types: readonly string[],
): Promise<JsonObject[]> {
  const keys = [...new Set(references)].flatMap((reference) => {
    const [type = '', id = '', ...rest] = reference.split('/');
    return types.includes(type) && isId(id) && rest.length === 0 ? [{ type, id }] : [];
  });
  return Promise.all(
    keys.map(async ({ type, id }) => {
      const stored = await visibleCurrent(context, { type: typeNumber(type) ?? -1, id });
      if (stored === undefined || stored.text === null) {
        throw outcomeError(
          'forbidden',
          `The report tells ${type}/${id}, which you may not read; a part of it is not given.`,
        );
      }
      showed(context.trail, stored);
      return parseStored(stored.text);
    }),
  );
}

export async function gather(context: Context, core: Core): Promise<Gathered> {
  const server = asServer(context);
  const { report, patient, results, specimens } = core;
  const ordered = await orderedOf(server, core);
  const history = await earlierOf(context, core);
  const withdrawn = await withdrawnOf(context, core);
  const people = await peopleOf(server, core, ordered.orders);
  return {
    report,
    patient,
    specimens,
    results,
    history,
    withdrawn,
    orders: ordered.orders,
    missing: ordered.missing,
    definitions: ordered.definitions,
    before: await beforeCorrection(server, [...results.values()]),
    ...people,
  };
}

/** Results of the same orders that were taken back. */
async function withdrawnOf(context: Context, { report, results }: Core): Promise<JsonObject[]> {
  const orders = objects(report['basedOn']).flatMap(({ reference }) => text(reference) ?? []);
  const own = orders.filter((one) => /^ServiceRequest\/[A-Za-z0-9.-]{1,64}$/.test(one));
  if (own.length === 0) return [];
  const criteria = [
    ['based-on', own.join()],
    ['status', 'entered-in-error'],
  ] as const;
  const all = await findMatches(asServer(context), 'Observation', criteria, mostWithdrawn);
  const others = all.map(({ stored }) => stored).filter(({ id }) => !results.has(`Observation/${id}`));
  const visible = await visibleRids(context.session, others, plainAccessOf(context, 'r'));
  if (others.some(({ rid }) => !visible.has(rid))) return [];
  for (const one of others) showed(context.trail, one);
  return others.flatMap((one) => (one.text === null ? [] : [parseStored(one.text)]));
}

/** Versions that are looked at for the value before a correction. */
const mostVersions = 10;

/** What was released before it was corrected. */
async function beforeCorrection(server: Context, results: readonly JsonObject[]): Promise<Map<string, JsonObject>> {
  const corrected = results.filter(({ status }) => status === 'corrected' || status === 'amended');
  const found = await Promise.all(
    corrected.map(async (one): Promise<[string, JsonObject][]> => {
      const now = Number(text(object(one['meta'])['versionId']));
      for (let version = now - 1; version > 0 && version >= now - mostVersions; version--) {
        const key = { type: typeNumber('Observation') ?? -1, id: String(one['id']), version };
        const stored = await readVersion(server.session, key);
        const before = stored?.text == null ? undefined : parseStored(stored.text);
        if (before !== undefined && ['final', 'amended', 'corrected'].includes(String(before['status']))) {
          return [[`Observation/${String(one['id'])}`, before]];
        }
      }
      return [];
    }),
  );
  return new Map(found.flat());
}
