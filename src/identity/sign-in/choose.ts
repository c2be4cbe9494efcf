/**
 * Whose records an application gets to see: the EMR's launch says it, a patient is it, or the person chooses among the
 * patients that they may see (launch/patient). The search goes through the one door as that person.
 */
import { makeCaller, type Caller } from '../../access/caller.ts';
import { parseScope } from '../../access/scopes.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { isId } from '../../fhir/reference.ts';
import { choosePatientPage, type ChoosePatientData, type PatientChoice } from '../../pages/choose-patient.ts';
import { accountById, rolesOfAccount } from '../accounts.ts';
import { frameOf, originOf, sendPage, textsFor } from '../pages/frame.ts';
import { roleFacts } from '../../access/role-facts.ts';
import type { Laboratory } from '../laboratory.ts';
import { parameter, pathOf, postingOf, type Step } from './interaction.ts';

const mostShown = 20;

/** The account as caller, to find what they may choose. */
export async function chooser({ identity, tenant }: Laboratory, accountId: string): Promise<Caller> {
  const account = await accountById(identity, tenant, accountId);
  const roles = await rolesOfAccount(identity, tenant, accountId);
  return makeCaller({
    ...roleFacts(roles),
    subject: accountId,
    client: 'sign-in',
    // Conditions of a role may follow references, as to the orders by which a physician sees a patient.
    scopes: [parseScope('user/*.rs')],
    fhirUser: account?.fhirUser,
    manages: [],
  });
}

type Query = readonly (readonly [string, string])[];

/** What the person's roles let them see; nothing of a type that they do not see at all. */
async function found(
  { laboratory }: Pick<Step, 'laboratory'>,
  caller: Caller,
  type: string,
  query: Query,
): Promise<JsonObject[]> {
  if (!caller.permits.some((permit) => permit.type === type || permit.type === '*')) return [];
  const { tenant, fhirBase: base } = laboratory;
  const bundle = await laboratory.search({ tenant, caller, base }, type, query);
  const entries = (bundle['entry'] ?? []) as { resource?: JsonObject; search?: { mode?: string } }[];
  return entries.flatMap(({ resource, search }) => (resource && search?.mode !== 'outcome' ? [resource] : []));
}

/** The patient of this id, where the person may see them. */
export async function patientOf(
  step: Pick<Step, 'laboratory'>,
  caller: Caller,
  id: string,
): Promise<PatientChoice | undefined> {
  if (!isId(id)) return undefined;
  const [patient] = await found(step, caller, 'Patient', [['_id', id]]);
  return patient && choiceOf(patient);
}

/** What the person may see of some patients, by id; nothing where their roles see no patients. */
export async function patientsOf(
  step: Pick<Step, 'laboratory'>,
  caller: Caller,
  ids: readonly string[],
): Promise<Map<string, PatientChoice>> {
  if (ids.length === 0) return new Map();
  const patients = await found(step, caller, 'Patient', [
    ['_id', ids.join(',')],
    ['_count', String(ids.length)],
  ]);
  return new Map(patients.map((patient) => [String(patient['id']), choiceOf(patient)]));
}

/** The encounter that is under way, else the last one; SMART leaves the choice to the server. */
export async function encounterOf(step: Step, caller: Caller, patient: string): Promise<string | undefined> {
  const of = [['subject', `Patient/${patient}`]] as const;
  const newest = [['_sort', '-date'] as const, ['_count', '1'] as const];
  const [now] = await found(step, caller, 'Encounter', [...of, ['status', 'in-progress,arrived,triaged'], ...newest]);
  const [last] = now === undefined ? await found(step, caller, 'Encounter', [...of, ...newest]) : [now];
  return last === undefined ? undefined : String(last['id']);
}

/** Shows the page, with what was searched for. */
export async function choosePatient(step: Step, caller: Caller, problem?: ChoosePatientData['problem']): Promise<void> {
  const { laboratory, ctx, provider } = step;
  const search = step.form?.get('search')?.trim().slice(0, 200) ?? '';
  const patients = await found(step, caller, 'Patient', [...criteria(search), ['_count', String(mostShown + 1)]]);
  const client = await provider.Client.find(parameter(step, 'client_id') ?? '');
  const page = choosePatientPage(textsFor(laboratory, ctx, parameter(step, 'ui_locales')), {
    ...frameOf(laboratory, pathOf(step)),
    ...postingOf(step),
    app: client?.clientName ?? '',
    search,
    patients: patients.slice(0, mostShown).map(choiceOf),
    more: patients.length > mostShown,
    problem,
  });
  const goesTo = originOf(parameter(step, 'redirect_uri'));
  sendPage(ctx, page, { status: problem === undefined ? 200 : 422, ...(goesTo !== undefined && { goesTo }) });
}

/** A day, or a month, that there is. */
function isDate(word: string): boolean {
  if (!/^\d{4}-\d\d(-\d\d)?$/.test(word)) return false;
  const day = word.length === 7 ? `${word}-01` : word;
  const time = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(day);
}

/** A number is an identifier, a date a birth date, anything else the beginnings of names. */
function criteria(search: string): [string, string][] {
  const escaped = (value: string): string => value.replaceAll(/[\\,$|]/g, String.raw`\$&`);
  return search
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 6)
    .map((word) => {
      if (isDate(word)) return ['birthdate', word];
      if (/\d/.test(word)) return ['identifier', escaped(word)];
      return ['name', escaped(word)];
    });
}

interface HumanName {
  text?: string;
  use?: string;
  family?: string;
  given?: string[];
  prefix?: string[];
}

function choiceOf(patient: JsonObject): PatientChoice {
  const names = (patient['name'] ?? []) as HumanName[];
  const name = names.find(({ use }) => use === 'official' || use === 'usual') ?? names[0];
  const written =
    name?.text ?? [...(name?.prefix ?? []), ...(name?.given ?? []), name?.family].filter(Boolean).join(' ');
  const identifiers = ((patient['identifier'] ?? []) as { value?: string }[]).flatMap(({ value }) => value ?? []);
  const text = (member: string): string | undefined =>
    typeof patient[member] === 'string' ? patient[member] : undefined;
  return {
    id: String(patient['id']),
    name: written === '' ? undefined : written,
    birthDate: text('birthDate'),
    gender: text('gender'),
    identifiers: identifiers.slice(0, 3),
  };
}
