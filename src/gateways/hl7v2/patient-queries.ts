/**
 * Questions for patients, of interfaces that are set to answer them (`patientQueries`): without that nobody learns whether
 * somebody is a patient here.
 *
 *   QBP^Q21  who has this identifier (QPD-3, CX)                          → RSP^K21  HL7 v2.5.1 §3.3.56
 *   QBP^Q22  who might this be (QPD-3, `@PID.5.1^Haddad~@PID.8^M`)        → RSP^K22  §3.3.57; IHE ITI-21 (PDQ)
 *   QBP^Q23  the other identifiers of who has this one (QPD-3, CX)        → RSP^K23  §3.3.58; IHE ITI-9 (PIX)
 *
 * A patient has a PID; of a record that was merged, the one that took its place is told. Of Q22 at most RCP-2 of them are
 * told, and never more than `most`; a question that would find more is refused, so that the right one is not left out.
 */
import type { JsonObject } from '../../fhir/json.ts';
import type { Place, Problem } from '../../hl7v2/acknowledge.ts';
import { readSegments, type FieldReader, type Repetition } from '../../hl7v2/message.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import type { Context } from '../../request.ts';
import { genders } from '../../translation/codes.ts';
import { identifier as identifierOf, systemOf } from '../../translation/datatypes.ts';
import { patientSegment } from '../../translation/out/patient.ts';
import type { Writing } from '../../translation/out/source.ts';
import { dateOnly } from '../../translation/times.ts';
import type { Settings } from '../../translation/translation.ts';
import type { Known } from './applied.ts';
import type { Query, Reply } from './query.ts';

const most = 50;

type Criteria = readonly (readonly [string, string])[];

export const personByIdentifier: Query = {
  response: ['RSP', 'K21', 'RSP_K21'],
  answer: (context, known) => asking(context, known, byIdentifier),
};

export const candidates: Query = {
  response: ['RSP', 'K22', 'RSP_K21'],
  answer: (context, known) => asking(context, known, byDemographics),
};

export const crossReferences: Query = {
  response: ['RSP', 'K23', 'RSP_K23'],
  answer: (context, known) => asking(context, known, byIdentifier),
};

/** @throws OutcomeError as the search does */
async function asking(
  context: Context,
  known: Known,
  criteriaOf: (qpd: FieldReader, known: Known) => Criteria | Problem,
): Promise<Reply> {
  if (known.interface.patientQueries !== true) {
    const sentence = 'This interface does not answer questions for patients.';
    return { status: 'AR', problems: [{ code: '200', sentence, place: { segment: 'MSH', sequence: 1, field: 9 } }] };
  }
  const segments = readSegments(known.message);
  const qpd = segments.find(({ name }) => name === 'QPD');
  if (qpd === undefined || qpd.text(2) === '') {
    const sentence = 'A query must have a QPD with its tag (QPD-2).';
    return { status: 'AE', problems: [{ code: '101', sentence, place: { segment: 'QPD', sequence: 1, field: 2 } }] };
  }
  const criteria = criteriaOf(qpd, known);
  if ('sentence' in criteria) return { status: 'AE', problems: [criteria] };
  return tell(context, known, { criteria, limit: limitOf(segments) });
}

/** RCP-2: a quantity of records. */
function limitOf(segments: readonly FieldReader[]): number {
  const asked = Number(segments.find(({ name }) => name === 'RCP')?.text(2, 1) ?? '');
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, most) : most;
}

async function tell(
  context: Context,
  known: Known,
  { criteria, limit }: { readonly criteria: Criteria; readonly limit: number },
): Promise<Reply> {
  const found = await findMatches(context, 'Patient', [...criteria], most + 1);
  const shown = found.filter(({ hidden }) => hidden !== true).map(({ text }) => parseStored(text));
  if (found.length > most) {
    const sentence = `More than ${most} patients are like this; say more of the one that is meant.`;
    return { status: 'AE', problems: [{ code: '207', sentence, place: place(3) }] };
  }
  const patients = await survivors(context, shown);
  const told = patients.slice(0, limit);
  return {
    status: told.length > 0 ? 'OK' : 'NF',
    segments: told.map((patient) => patientSegment(patient, writingOf(known))),
    patients: told.map(({ id }) => String(id)),
  };
}

/** Who took the place of a record that was merged, each once. */
async function survivors(context: Context, patients: readonly JsonObject[]): Promise<JsonObject[]> {
  const found = new Map<string, JsonObject>();
  for (let patient of patients) {
    for (let step = 0; step < 8; step++) {
      const next = replacedBy(patient);
      const [match] = next === undefined ? [] : await findMatches(context, 'Patient', [['_id', next]], 1);
      if (match === undefined || match.hidden === true) break;
      patient = parseStored(match.text);
    }
    found.set(String(patient['id']), patient);
  }
  return [...found.values()];
}

function replacedBy({ link = [] }: { link?: JsonObject[string] }): string | undefined {
  const links = link as { type?: string; other?: { reference?: string } }[];
  const { other } = links.find(({ type }) => type === 'replaced-by') ?? {};
  return /^Patient\/([^/]+)/.exec(other?.reference ?? '')?.[1];
}

function place(field: number): Place {
  return { segment: 'QPD', sequence: 1, field };
}

function byIdentifier(qpd: FieldReader, known: Known): Criteria | Problem {
  const found = identifierOf(settingsOf(known), qpd.first(3), authorityOf(known));
  const { system, value } = (found ?? {}) as { system?: string; value?: string };
  if (system === undefined || value === undefined) {
    return { code: '101', sentence: 'QPD-3 must have an identifier and its authority.', place: place(3) };
  }
  return [['identifier', `${escaped(system)}|${escaped(value)}`]];
}

/** `@PID.5.1` or `@PID.5.1.1` → search parameter. */
const parameters: Readonly<Record<string, string>> = {
  'PID.5.1': 'family',
  'PID.5.2': 'given',
  'PID.7': 'birthdate',
  'PID.8': 'gender',
  'PID.11.3': 'address-city',
  'PID.11.5': 'address-postalcode',
  'PID.13': 'phone',
};

function byDemographics(qpd: FieldReader, known: Known): Criteria | Problem {
  const criteria: [string, string][] = [];
  const asked = new Map(qpd.repetitions(3).map((qip) => [nameOf(qip), qip.text(2).trim()]));
  for (const [name, value] of asked) {
    if (value === '' || name === 'PID.3.4') continue;
    const parameter = name === 'PID.3' || name === 'PID.3.1' ? 'identifier' : parameters[name];
    if (parameter === undefined) {
      return { code: '207', sentence: `Patients are not asked for by ${name.slice(0, 20)}.`, place: place(3) };
    }
    const wanted = valueOf(parameter, value);
    if (wanted === undefined) {
      return { code: '102', sentence: `The value of ${name} in QPD-3 is none.`, place: place(3) };
    }
    const system = systemOf(settingsOf(known), asked.get('PID.3.4') ?? '');
    criteria.push([
      parameter,
      parameter === 'identifier' && system !== undefined ? `${escaped(system)}|${wanted}` : wanted,
    ]);
  }
  return criteria.length > 0
    ? criteria
    : { code: '101', sentence: 'QPD-3 must say something of the patient.', place: place(3) };
}

/** `@PID.3.4.1` is the first part of PID.3.4: names of one part more mean their first. */
function nameOf(qip: Repetition): string {
  const name = qip.text(1).replace(/^@/, '');
  return name.replace(/^(PID\.3\.4|PID\.5\.1|PID\.7|PID\.8|PID\.13)\.1$/, '$1');
}

function valueOf(parameter: string, value: string): string | undefined {
  // Names of PDQ end with an asterisk where their begin is meant; the search means that always.
  if (parameter === 'birthdate') return dateOnly(value);
  if (parameter === 'gender') return genders[value.toUpperCase()];
  return escaped(value.replace(/\*$/, '')) || undefined;
}

/** https://hl7.org/fhir/R4/search.html#escaping */
function escaped(value: string): string {
  return value.replaceAll(/[\\$,|]/g, String.raw`\$&`);
}

function authorityOf({ header: { facility, application } }: Known): string {
  return facility || application;
}

function settingsOf({ tenant, interface: { zone, systems }, mapped }: Known): Settings {
  return { zone: zone ?? tenant.settings.timezone ?? 'UTC', systems, mapped };
}

/** Of PID: the answer has the header of its acknowledgement. */
function writingOf(known: Known): Writing {
  const { interface: own, tenant } = known;
  return {
    version: '2.5.1',
    zone: own.zone ?? tenant.settings.timezone ?? 'UTC',
    authorities: Object.fromEntries(Object.entries(own.systems).map(([authority, system]) => [system, authority])),
    from: { application: '', facility: '' },
    to: { application: '', facility: '' },
    acknowledgement: 'original',
    charset: '',
    now: new Date().toISOString(),
    controlId: '',
  };
}
