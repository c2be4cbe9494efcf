/**
 * An archive of LIS02-A2 (ASTM E1394) messages: results, one message for each specimen, from its H to its L. Patients, orders
 * and reports have no messages of their own there.
 *
 * A specimen is told once, with all its results that the export has, by the first of them that changed in its time. One that
 * is of no specimen is named by the number of its order, else by its own id.
 */
import type { JsonObject } from '../../fhir/json.ts';
import type { Issue } from '../../fhir/outcome.ts';
import { messagesOf } from '../../astm/structure.ts';
import { readRecords } from '../../astm/record.ts';
import { parseStored } from '../../interactions/document.ts';
import { newId } from '../../interactions/new-id.ts';
import { referenced } from '../../interactions/referenced.ts';
import type { Stored } from '../../store/read.ts';
import { translateResults, type Work } from '../../translation/astm/results.ts';
import { resultsMessage } from '../../translation/astm/written.ts';
import { list, member, string, type Source } from '../../translation/out/source.ts';
import { unsaidOf } from '../../translation/out/unsaid.ts';
import { leftOut, partly, type Archive, type Archiving, type Made } from './format.ts';
import { identifiedBy } from './identified.ts';
import { selected } from './selected.ts';

const standard = 'ASTM';

const mostReferenced = 20_000;

export const astmArchive: Archive = {
  standard,
  roots: ['Observation'],
  begin: () => '',
  end: () => '',
  make: async (archiving, _type, found) => {
    const groups = await bySpecimen(archiving, found);
    const all = groups.flatMap(({ results }) => results);
    const find = identifiedBy(archiving.context.base, await referenced(archiving.context, all, mostReferenced));
    return groups.map((group) => madeOf(archiving, group, find));
  },
};

interface Group {
  /** A reference; '' where they are of none. */
  readonly specimen: string;
  readonly results: readonly JsonObject[];
}

async function bySpecimen(archiving: Archiving, found: readonly JsonObject[]): Promise<Group[]> {
  const here = new Set(found.map(({ id }) => id));
  const alone = found.filter((one) => specimenOf(one) === '').map((one) => ({ specimen: '', results: [one] }));
  const names = [...new Set(found.map(specimenOf))].filter((one) => one !== '');
  if (names.length === 0) return alone;
  const all = await selected(archiving, 'Observation', [['specimen', names.join(',')]]);
  const groups = Map.groupBy(
    all.map((stored) => ({ stored, result: parseStored(stored.text ?? '{}') })),
    ({ result }) => specimenOf(result),
  );
  const told = [...groups].flatMap(([specimen, some]): Group[] => {
    const first = some.find(({ stored }) => isWithin(stored, archiving));
    const isHere = first !== undefined && here.has(first.result['id']);
    return isHere ? [{ specimen, results: some.map(({ result }) => result) }] : [];
  });
  // What was changed so that it is of another specimen by now, or gone: as it was.
  const current = new Set(all.map(({ id }) => id));
  const gone = found.filter((one) => specimenOf(one) !== '' && !current.has(string(one['id'])));
  return [...alone, ...told, ...gone.map((one) => ({ specimen: specimenOf(one), results: [one] }))];
}

function specimenOf(result: JsonObject): string {
  const reference = string(member(result, 'specimen')?.['reference']).replace(/\/_history\/\d+$/, '');
  return /^Specimen\/[A-Za-z0-9.-]{1,64}$/.test(reference) ? reference : '';
}

function isWithin({ lastUpdated }: Stored, { times: { since, until } }: Archiving): boolean {
  const at = Date.parse(lastUpdated);
  return (since === undefined || at > Date.parse(since)) && (until === undefined || at < Date.parse(until));
}

function madeOf({ context, times }: Archiving, { specimen, results }: Group, find: Source['find']): Made {
  const patient = results.map((one) => find(member(one, 'subject'))).find((one) => one !== undefined);
  const zone = context.tenant.settings.timezone ?? 'UTC';
  const number = numberOf(specimen, results[0] ?? {}, find);
  const writing = { zone, sender: context.tenant.name, now: times.moment, find };
  const hidden = results.filter((one) => find(member(one, 'subject')) !== patient);
  const shown = results.filter((one) => !hidden.includes(one));
  const text = shown.length === 0 ? undefined : resultsMessage({ number, patient, results: shown }, writing);
  return {
    ...(text !== undefined && { text }),
    issues: () => [
      ...hidden.map((one) => leftOut(one, 'its specimen is of another patient.')),
      ...(text === undefined ? [] : issuesOf(text, shown, { zone, patient, specimen })),
    ],
  };
}

/** As the laboratory calls it: the accession number first. */
function numberOf(specimen: string, result: JsonObject, find: Source['find']): string {
  const found = find({ reference: specimen });
  const accession = string(member(found, 'accessionIdentifier')?.['value']);
  const named = list(found?.['identifier']).map(({ value }) => string(value));
  const order = list(find(list(result['basedOn'])[0])?.['identifier']).map(({ value }) => string(value));
  const numbers = [accession, ...named, specimen.replace(/^Specimen\//, ''), ...order, string(result['id'])];
  return numbers.find((one) => one !== '') ?? '';
}

interface Of {
  readonly zone: string;
  readonly patient: JsonObject | undefined;
  readonly specimen: string;
}

/** Who reads it knows the specimen, its patient and its orders. */
function issuesOf(text: string, results: readonly JsonObject[], { zone, patient, specimen }: Of): Issue[] {
  const requests = list(results[0]?.['basedOn']).map(({ reference }) => ({ reference: string(reference), codes: [] }));
  const work: Work = {
    specimen: specimen === '' ? { display: 'unknown' } : { reference: specimen },
    subject: patient === undefined ? undefined : { reference: `Patient/${string(patient['id'])}` },
    patientNumbers: list(patient?.['identifier']).map(({ value }) => string(value)),
    requests,
  };
  const settings = { zone, systems: {}, mapped: () => undefined, work: () => work, sender: 'export' };
  const { records } = readRecords(Buffer.from(text, 'utf8'));
  const entries = messagesOf(records).flatMap((message) => [...translateResults(message, settings, newId).entries]);
  return unsaidOf(results, entries).map(({ resource, elements }) => partly(resource, standard, elements));
}
