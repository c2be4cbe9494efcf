/**
 * The persons and records that a breach concerns, as a list.
 *
 * NDJSON: a line is a Parameters: patient, first, last and events of a person, and `record` (reference, first, last, events)
 * for each record; a person with more than 1,000 records goes on in a further line, which repeats the patient alone. Records
 * that are nobody's stand in lines without a patient. CSV: a line for each person and record.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { Answer, Context } from '../request.ts';
import { eachConcerned, type Concerned } from '../store/breach-report.ts';
import type { EventSearch } from '../store/audit-search.ts';
import { byteOrderMark, csvRow } from './csv.ts';
import { fileName } from './report-form.ts';
import { streamed, type Send } from './streamed.ts';

type Listing = (send: Send) => {
  take(rows: readonly Concerned[]): Promise<void>;
  end(): Promise<void>;
};

const listings: Readonly<Record<'csv' | 'ndjson', { readonly contentType: string; readonly listing: Listing }>> = {
  csv: { contentType: 'text/csv; charset=utf-8; header=present', listing: asCsv },
  ndjson: { contentType: 'application/fhir+ndjson', listing: asLines },
};

export function breachList(
  { server, tenant }: Context,
  search: EventSearch,
  { form, now }: { readonly form: 'csv' | 'ndjson'; readonly now: number },
): Answer {
  const { contentType, listing } = listings[form];
  const body = streamed(async (send) => {
    const list = listing(send);
    await eachConcerned(server.database, search, { tenant: tenant.id, take: list.take });
    await list.end();
  });
  return {
    status: 200,
    headers: { vary: 'accept', 'content-disposition': `attachment; filename="${fileName('breach-list', form, now)}"` },
    raw: { contentType, body },
  };
}

const columns = ['patient', 'record', 'first', 'last', 'events'];

function asCsv(send: Send): ReturnType<Listing> {
  const head = `${byteOrderMark}${columns.join(',')}\r\n`;
  let sent = false;
  const start = (): string => {
    const text = sent ? '' : head;
    sent = true;
    return text;
  };
  const rowOf = ({ patient, record, first, last, count }: Concerned): string =>
    csvRow(columns, { patient: patient && `Patient/${patient}`, record, first, last, events: count });
  return {
    take: (rows) => send(start() + rows.map(rowOf).join('')),
    end: async () => {
      if (!sent) await send(start());
    },
  };
}

/** Records in one line. */
const mostRecords = 1_000;

function asLines(send: Send): ReturnType<Listing> {
  let patient: string | undefined;
  let parts: JsonObject[] = [];
  let records = 0;
  const line = (): string => {
    if (parts.length === 0) return '';
    const parameter = [...whom(patient), ...parts];
    [parts, records] = [[], 0];
    return `${JSON.stringify({ resourceType: 'Parameters', parameter })}\n`;
  };
  const add = (row: Concerned): string => {
    const done = row.patient !== patient || records === mostRecords ? line() : '';
    patient = row.patient;
    if (row.record === undefined) {
      parts.push(...times(row));
    } else {
      parts.push({
        name: 'record',
        part: [{ name: 'reference', valueReference: { reference: row.record } }, ...times(row)],
      });
      records += 1;
    }
    return done;
  };
  return { take: (rows) => send(rows.map(add).join('')), end: () => send(line()) };
}

function whom(patient: string | undefined): JsonObject[] {
  return patient === undefined ? [] : [{ name: 'patient', valueReference: { reference: `Patient/${patient}` } }];
}

function times({ first, last, count }: Concerned): JsonObject[] {
  return [
    { name: 'first', valueInstant: first },
    { name: 'last', valueInstant: last },
    { name: 'events', valueUnsignedInt: count },
  ];
}
