/**
 * ORU and OUL: results. HL7 v2.5.1 §7.3 (ORU^R01, R30, R32; OUL^R22, R23, R24), read in the order of the segments:
 * groups differ between messages and senders leave out what the standard requires, but what follows always belongs to what
 * stands before it.
 *
 *   PID  → a patient: orders, visits and specimens are another's from here on
 *   SPM  → in OUL^R22 and R23 before the orders it is of; in OUL^R24 and ORU after them
 *   ORC  → kept for the OBR that follows; in OUL of the OBR before it
 *   OBR  → a report begins; the one before it is made
 *   OBX  → an observation of it, or a document; before any OBR or after a specimen, of the patient or the specimen
 *   NTE  → of the OBX, OBR or patient before it
 *   TCD, INV → of the OBX before it (inventory.ts)
 *
 * A result whose OBR-26 and OBR-29 name a parent (an organism, whose susceptibilities they are) is a member of the
 * observation that they name (parents.ts).
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../fhir/json.ts';
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type FieldReader, type Message } from '../hl7v2/message.ts';
import { present } from './datatypes.ts';
import { addLots, dilutions } from './inventory.ts';
import { observation } from './observation.ts';
import { order, orderNumbers } from './order.ts';
import { joinParent, noteCandidate, type Candidates } from './parents.ts';
import { patient } from './patient.ts';
import { presentedForm, report } from './report.ts';
import { specimen } from './specimen.ts';
import type { Target } from './translation.ts';
import { visit } from './visit.ts';

export interface Result {
  readonly obx: FieldReader;
  readonly sequence: number;
  readonly notes: string[];
  /** INV: what it was made with. */
  readonly inventory?: FieldReader[];
}

/** An OBR with what follows it. */
interface Group {
  orc: FieldReader | undefined;
  readonly obr: FieldReader;
  readonly specimens: Tube[];
  readonly results: Result[];
  readonly notes: string[];
}

export interface Tube {
  readonly spm: FieldReader;
  sac?: FieldReader;
}

interface Person {
  readonly pid: FieldReader;
  pv1?: FieldReader;
  readonly groups: Group[];
  /** What was observed without an order. */
  readonly loose: (Result & { readonly tube: Tube | undefined })[];
}

export function results(message: Message, target: Target): void {
  const persons = gather(message);
  if (persons.length === 0) {
    target.problem({
      code: '100',
      sentence: 'A message of results must have a PID.',
      place: { segment: 'PID', sequence: 1 },
    });
  }
  const parents: Candidates = new Map();
  const seen = new Map<string, number>();
  for (const person of persons) translatePerson(message, target, { person, parents, seen });
}

function gather(message: Message): Person[] {
  const persons: Person[] = [];
  const before: Tube[] = [];
  let [person, group, orc]: [Person | undefined, Group | undefined, FieldReader | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  let notes: string[] | undefined;
  let sequence = 0;
  let last: Result | undefined;
  for (const segment of readSegments(message)) {
    // What follows is of the result before it, until something else begins.
    if (/^(?:PID|OBR|SPM|SAC)$/.test(segment.name)) last = undefined;
    switch (segment.name) {
      case 'PID':
        person = { pid: segment, groups: [], loose: [] };
        persons.push(person);
        [group, orc, notes] = [undefined, undefined, undefined];
        before.length = 0;
        break;
      case 'PV1':
        if (person !== undefined) person.pv1 ??= segment;
        break;
      case 'ORC':
        if (isOul(message) && group !== undefined && group.orc === undefined && group.results.length === 0) {
          group.orc = segment;
          break;
        }
        orc = segment;
        group = undefined;
        break;
      case 'OBR':
        group = { orc, obr: segment, specimens: [...before], results: [], notes: [] };
        person?.groups.push(group);
        notes = group.notes;
        orc = undefined;
        break;
      case 'SPM':
        if (group === undefined || isSpecimenFirst(message)) {
          // A specimen and the orders on it follow each other.
          if (group !== undefined) before.length = 0;
          group = undefined;
          before.push({ spm: segment });
        } else {
          group.specimens.push({ spm: segment });
        }
        break;
      case 'SAC': {
        const tube = (group?.specimens ?? before).at(-1);
        if (tube !== undefined) tube.sac = segment;
        break;
      }
      case 'OBX': {
        sequence++;
        const result: Result = { obx: segment, sequence, notes: [], inventory: [] };
        last = result;
        if (group === undefined) person?.loose.push({ ...result, tube: before.at(-1) });
        else group.results.push(result);
        notes = result.notes;
        break;
      }
      case 'NTE':
        notes?.push(...segment.repetitions(3).map((one) => one.text()));
        break;
      case 'TCD':
        last?.notes.push(...dilutions(segment));
        break;
      case 'INV':
        last?.inventory?.push(segment);
        break;
    }
  }
  return persons;
}

/** R24 has the orders first, as ORU has. */
function isSpecimenFirst(message: Message): boolean {
  return isOul(message) && readHeader(message).event !== 'R24';
}

function isOul(message: Message): boolean {
  return readHeader(message).code === 'OUL';
}

interface Task {
  readonly person: Person;
  /** Observations by what OBR-26 and OBR-29 call them. */
  readonly parents: Candidates;
  readonly seen: Map<string, number>;
}

function translatePerson(message: Message, target: Target, { person, parents, seen }: Task): void {
  const { facility, application, event } = readHeader(message);
  const authority = facility || application;
  const subject = patient(target, person.pid, authority);
  if (subject === undefined) return;
  const encounter = person.pv1 && visit(target, person.pv1, { subject, event, authority, pid: person.pid });
  translateLoose(target, { person, subject, encounter, authority, seen });
  for (const group of person.groups) translateGroup(target, { group, subject, encounter, authority, parents, seen });
}

export interface LooseOf {
  readonly person: Pick<Person, 'pid' | 'loose'>;
  readonly subject: JsonObject;
  readonly encounter: JsonObject | undefined;
  readonly authority: string;
  readonly seen: Map<string, number>;
  readonly asked?: true;
}

export function translateLoose(target: Target, { person, subject, encounter, authority, seen, asked }: LooseOf): void {
  // Not the identifier itself: identifiers of observations are shown where the patient is not.
  const patientName = createHash('sha256').update(person.pid.raw(3)).digest('hex').slice(0, 32);
  for (const { obx, sequence, notes, tube } of person.loose) {
    if (isDocument(obx)) continue;
    const found = tube && specimen(target, tube.spm, { subject, authority, sac: tube.sac });
    const container = tube === undefined ? '' : containerOf(tube);
    const source = container === '' ? `patient|${patientName}` : `specimen|${container}`;
    const of = { subject, encounter, specimen: found, basedOn: undefined, authority, obr: undefined, source, seen };
    const reference = observation(target, obx, { ...of, sequence, ...(asked && { asked }) });
    if (reference !== undefined) addNotes(target, reference, notes);
  }
}

interface GroupOf {
  readonly group: Group;
  readonly subject: JsonObject;
  readonly encounter: JsonObject | undefined;
  readonly authority: string;
  readonly parents: Candidates;
  readonly seen: Map<string, number>;
}

function translateGroup(target: Target, { group, subject, encounter, authority, parents, seen }: GroupOf): void {
  const { obr, orc } = group;
  const specimens = present(group.specimens.map(({ spm, sac }) => specimen(target, spm, { subject, authority, sac })));
  const basedOn = order(
    target,
    { orc, obr },
    { subject, encounter, specimen: specimens, authority, notes: [], keep: true },
  );
  const { placer, filler } = orderNumbers(target, { orc, obr, authority });
  const numbers = present([placer, filler]);
  const number = filler ?? placer;
  const source = number === undefined ? sourceOf(group) : `${String(number['system'])}|${String(number['value'])}`;
  const of = { subject, encounter, specimen: specimens[0], basedOn, authority, obr, source, seen };
  const found = group.results
    .filter(({ obx }) => !isDocument(obx))
    .map(({ obx, sequence, notes, inventory = [] }) => {
      const reference = observation(target, obx, { ...of, sequence });
      if (reference !== undefined) {
        const resource = inventory.length === 0 ? undefined : target.resource(reference);
        if (resource !== undefined) addLots(target, resource, inventory);
        noteCandidate(parents, reference, { obx, obr, orc });
        addNotes(target, reference, notes);
      }
      return reference;
    });
  const members = present(found);
  joinParent(target, { obr, members, candidates: parents, subject, authority });
  const forms = present(
    group.results.map(({ obx }) => (isDocument(obx) ? presentedForm(obx, target.settings.zone) : undefined)),
  );
  report(target, obr, {
    subject,
    encounter,
    basedOn,
    specimen: specimens,
    result: members,
    forms,
    notes: group.notes,
    // One placer's order may have several reports of the same code: the filler's numbers tell them apart.
    foundBy: filler === undefined ? undefined : [filler],
    numbers: numbers.length > 0 ? numbers : [{ system: 'urn:makhbar:hl7v2:report', value: source }],
    authority,
  });
}

export function isDocument(obx: FieldReader): boolean {
  return obx.text(2) === 'ED' || obx.text(2) === 'RP';
}

/** Where there is no number of an order: the specimen, else the patient and the time. */
function sourceOf({ obr, specimens }: Group): string {
  const tube = specimens[0];
  const container = tube === undefined ? '' : containerOf(tube);
  return container === '' ? `unnumbered|${obr.text(7)}` : `specimen|${container}`;
}

function containerOf({ spm, sac }: Tube): string {
  return spm.text(2, 2) || spm.text(2, 1) || (sac?.text(3) ?? '');
}

export function addNotes(target: Target, reference: JsonObject, notes: readonly string[]): void {
  const text = notes.filter((one) => one !== '').join('\n');
  const resource = target.resource(reference);
  if (resource !== undefined && text !== '') resource['note'] = [{ text }];
}
