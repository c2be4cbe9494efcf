/**
 * The laboratory data set of the benchmark: the same for the same size, in every run and on every machine.
 *
 * A patient has one order (service request, specimen, about 12 observations, report), so 16 resources; the first
 * `chronicPatients` have three orders and exactly 40 resources, for $everything. Ids are UUIDs of version 7 whose time
 * is that of the order, as the server would have given them. Values keep the digits of the analyzer (`4.10`).
 */
import { setMember, type JsonObject } from '../src/fhir/json.ts';
import {
  bloodPressure,
  cities,
  familyNames,
  givenNames,
  panels,
  rare,
  singles,
  type Panel,
  type Test,
} from './catalog.ts';
import { randomOf, type Random } from './random.ts';

export type Size = 'tiny' | 'small' | 'medium' | 'large';

export const patientsOf: Record<Size, number> = { tiny: 100, small: 1_000, medium: 10_000, large: 100_000 };

const sizes: readonly Size[] = ['tiny', 'small', 'medium', 'large'];

/** Whether a data set has what those from a certain size on have. */
export function holds(size: Size, from: Size = 'tiny'): boolean {
  return sizes.indexOf(size) >= sizes.indexOf(from);
}

/** Raised with every change of the data, so that a kept data set of another version is not reused. */
export const dataVersion = 1;

export const chronicPatients = 20;

export const identifierSystem = 'https://laboratory.example/patients';

const day = 86_400_000;
/** Orders lie in the two years before this moment. */
const end = Date.UTC(2026, 5, 30);

/** All resources of the n-th patient (from 0), referenced resources first. */
export function patientResources(n: number): JsonObject[] {
  const random = randomOf(n + 1);
  const first = end - random.whole(1, 730 * 24 * 60) * 60_000;
  const patient = makePatient(n, random, first - day);
  const orders = n < chronicPatients ? 3 : 1;
  const subject = { reference: `Patient/${patient['id'] as string}` };
  const resources = [patient];
  for (let order = 0; order < orders; order += 1) {
    const observations = n < chronicPatients ? 10 : random.whole(9, 15);
    const at = first + order * 30 * day;
    resources.push(...makeOrder({ n, random, subject, at, observations }));
  }
  return resources;
}

/** One more observation of the n-th patient, as an analyzer would send it; without an id. */
export function newObservation(n: number, sequence: number): JsonObject {
  const random = randomOf(0x40000000 + n * 7_919 + sequence);
  const patient = patientResources(n)[0] as JsonObject;
  const panel = random.pick(panels);
  const at = end + sequence * 1_000;
  const subject = { reference: `Patient/${patient['id'] as string}` };
  const { id: _, ...observation } = makeObservation(random, random.pick(panel.tests), { subject, at });
  return observation;
}

function makePatient(n: number, random: Random, at: number): JsonObject {
  const [given, gender, arabic] = random.pick(givenNames);
  const [city, country] = random.pick(cities);
  const born = new Date(Date.UTC(1935 + random.whole(0, 85), random.whole(0, 11), random.whole(1, 28)));
  return {
    resourceType: 'Patient',
    id: uuid(random, at),
    identifier: [{ use: 'usual', system: identifierSystem, value: `P${String(n).padStart(7, '0')}` }],
    active: true,
    name: [
      { use: 'official', family: random.pick(familyNames), given: [given] },
      { use: 'usual', text: arabic },
    ],
    telecom: [
      { system: 'phone', value: `+${random.whole(200, 999)} ${random.whole(10_000_000, 99_999_999)}`, use: 'mobile' },
    ],
    gender,
    birthDate: born.toISOString().slice(0, 10),
    address: [{ line: [`${random.whole(1, 200)} Hospital Street`], city, country }],
  };
}

interface Order {
  n: number;
  random: Random;
  subject: JsonObject;
  at: number;
  observations: number;
}

function makeOrder({ n, random, subject, at, observations }: Order): JsonObject[] {
  const chosen = chooseTests(random, observations);
  const panel = chosen[0] as { panel: Panel };
  const number = `A${String(n).padStart(7, '0')}-${at.toString(36)}`;
  const request: JsonObject = {
    resourceType: 'ServiceRequest',
    id: uuid(random, at),
    identifier: [{ system: 'https://laboratory.example/orders', value: number }],
    status: random.chance(0.05) ? 'active' : 'completed',
    intent: 'order',
    category: [coding('http://snomed.info/sct', '108252007', 'Laboratory procedure')],
    priority: random.chance(0.1) ? 'stat' : 'routine',
    code: coding('http://loinc.org', panel.panel.code, panel.panel.name),
    subject,
    authoredOn: instant(at),
  };
  const specimen: JsonObject = {
    resourceType: 'Specimen',
    id: uuid(random, at + 1),
    accessionIdentifier: { system: 'https://laboratory.example/accessions', value: number },
    status: 'available',
    type: coding('http://snomed.info/sct', panel.panel.specimen.code, panel.panel.specimen.name),
    subject,
    receivedTime: instant(at + 40 * 60_000),
    request: [reference(request)],
    collection: { collectedDateTime: instant(at + 10 * 60_000) },
  };
  const context = { subject, at: at + 90 * 60_000, request, specimen };
  const results = chosen.map(({ test }) =>
    test === 'pressure' ? makePressure(random, context) : makeObservation(random, test, context),
  );
  const report: JsonObject = {
    resourceType: 'DiagnosticReport',
    id: uuid(random, at + 3),
    identifier: [{ system: 'https://laboratory.example/reports', value: number }],
    basedOn: [reference(request)],
    status: random.chance(0.04) ? 'preliminary' : 'final',
    category: [coding('http://terminology.hl7.org/CodeSystem/v2-0074', 'LAB', 'Laboratory')],
    code: coding('http://loinc.org', panel.panel.code, panel.panel.name),
    subject,
    effectiveDateTime: instant(at + 10 * 60_000),
    issued: instant(at + 120 * 60_000),
    specimen: [reference(specimen)],
    result: results.map(reference),
  };
  return [request, specimen, ...results, report];
}

type Chosen = { panel: Panel; test: Test | 'pressure' };

function chooseTests(random: Random, count: number): Chosen[] {
  const start = random.whole(0, 1);
  const chosen: Chosen[] = [];
  for (let step = 0; chosen.length < count - 1; step += 1) {
    const panel = panels[(start + step) % panels.length] as Panel;
    chosen.push(...panel.tests.map((test) => ({ panel, test })));
  }
  const last = random.chance(0.1) ? 'pressure' : random.chance(1 / 2_000) ? rare : random.pick(singles);
  return [...chosen.slice(0, count - 1), { panel: panels[start] as Panel, test: last }];
}

interface ResultContext {
  subject: JsonObject;
  at: number;
  request?: JsonObject;
  specimen?: JsonObject;
}

function makeObservation(random: Random, test: Test, context: ResultContext): JsonObject {
  const value = measure(random, test);
  const range = {
    low: quantity(test, test.low.toFixed(test.digits)),
    high: quantity(test, test.high.toFixed(test.digits)),
  };
  return {
    ...observationHead(random, test, 'laboratory', context),
    valueQuantity: quantity(test, value),
    interpretation: [interpretation(Number(value), test)],
    referenceRange: [range],
  };
}

function makePressure(random: Random, context: ResultContext): JsonObject {
  return {
    ...observationHead(random, bloodPressure, 'vital-signs', context),
    component: bloodPressure.parts.map((part) => ({
      code: coding('http://loinc.org', part.code, part.name),
      valueQuantity: quantity(part, measure(random, part)),
    })),
  };
}

function observationHead(
  random: Random,
  { code, name }: { code: string; name: string },
  category: string,
  { subject, at, request, specimen }: ResultContext,
): JsonObject {
  return {
    resourceType: 'Observation',
    id: uuid(random, at),
    ...(request && { basedOn: [reference(request)] }),
    status: random.chance(0.03) ? 'preliminary' : random.chance(0.02) ? 'corrected' : 'final',
    category: [coding('http://terminology.hl7.org/CodeSystem/observation-category', category)],
    code: coding('http://loinc.org', code, name),
    subject,
    effectiveDateTime: instant(at - 80 * 60_000),
    issued: instant(at),
    ...(specimen && { specimen: reference(specimen) }),
  };
}

/** Nine values in ten lie in the reference range. */
function measure(random: Random, { low, high, digits }: Test): string {
  const value = random.round((low + high) / 2, (high - low) / 3.3);
  return Math.max(value, low / 3).toFixed(digits);
}

function quantity({ unit, ucum }: Test, value: string): JsonObject {
  const made: JsonObject = {};
  setMember(made, 'value', Number(value), value);
  return Object.assign(made, { unit, system: 'http://unitsofmeasure.org', code: ucum });
}

function interpretation(value: number, { low, high }: Test): JsonObject {
  const code = value < low ? 'L' : value > high ? 'H' : 'N';
  return coding('http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code);
}

function coding(system: string, code: string, display?: string): JsonObject {
  return { coding: [{ system, code, ...(display !== undefined && { display }) }] };
}

function reference(resource: JsonObject): JsonObject {
  return { reference: `${resource['resourceType'] as string}/${resource['id'] as string}` };
}

function instant(at: number): string {
  return new Date(at).toISOString();
}

/** A UUID of version 7 (RFC 9562) of a time and deterministic randomness. */
function uuid(random: Random, at: number): string {
  const time = at.toString(16).padStart(12, '0');
  const part = (digits: number) =>
    random
      .whole(0, 16 ** digits - 1)
      .toString(16)
      .padStart(digits, '0');
  const variant = '89ab'[random.whole(0, 3)] as string;
  return `${time.slice(0, 8)}-${time.slice(8)}-7${part(3)}-${variant}${part(3)}-${part(6)}${part(6)}`;
}
