/**
 * What an analyzer asks (Q, LIS02-A2 §12), and the message that answers: the work of specimens, or that there is none. Pure.
 *
 * L says how it ended (§13.1.3): F where the question was answered, I where nothing is known.
 */
import {
  componentsAt,
  componentsOf,
  escapeText,
  fieldOf,
  recordText,
  repeatsOf,
  standardDelimiters,
  textAt,
} from './record.ts';
import type { Record } from './record.ts';

export interface Query {
  /** Q.13 is A: what was asked before is not wanted any more. */
  readonly cancels: boolean;
  /** Q.3 names ALL. */
  readonly all: boolean;
  readonly specimens: readonly string[];
  /** Where only they are named. */
  readonly patients: readonly string[];
  /** The last specimen where Q.4 names one: those from the first of `specimens` to it. */
  readonly upTo: string;
  /** Q.5; none for all. */
  readonly tests: readonly string[];
}

export function readQuery(record: Record): Query {
  const asked = repeatsOf(record, fieldOf(record, 3)).map((repeat) => componentsOf(record, repeat));
  // Patient and specimen are the first and the second component; some leave the first out altogether.
  const named = asked.map(([patient = '', specimen = '', ...further]) => ({
    patient,
    specimen: specimen || (further.find((one) => one !== '') ?? ''),
  }));
  const isAll = named.some(({ patient, specimen }) => [patient, specimen].some((one) => one.toUpperCase() === 'ALL'));
  const alone = named.filter(({ specimen }) => specimen === '').map(({ patient }) => patient);
  const tests = repeatsOf(record, fieldOf(record, 5)).map((repeat) => testOf(componentsOf(record, repeat)));
  const [lastPatient = '', lastSpecimen = ''] = componentsAt(record, 4);
  return {
    cancels: textAt(record, 13) === 'A',
    all: isAll,
    specimens: isAll ? [] : named.map(({ specimen }) => specimen).filter((one) => one !== ''),
    patients: isAll ? [] : alone.filter((one) => one !== ''),
    upTo: lastSpecimen || lastPatient,
    tests: tests.filter((one) => one !== '' && one.toUpperCase() !== 'ALL'),
  };
}

function testOf([id = '', , , own = '']: readonly string[]): string {
  return own || id;
}

/** What is to be done with one specimen. */
export interface SpecimenWork {
  readonly specimen: string;
  readonly patient: string;
  readonly family: string;
  readonly given: string;
  /** YYYYMMDD, or ''. */
  readonly birthDate: string;
  /** M, F or U. */
  readonly sex: string;
  /** Codes of the analyzer. */
  readonly tests: readonly string[];
  /** S stat, A as soon as possible, R routine. */
  readonly priority: string;
  /** A for tests that are added, C for those that are cancelled. */
  readonly action: 'A' | 'C';
}

/**
 * The message with the work, each record with its CR.
 * @param answers whether it answers a question; else it is an order of our own accord
 */
export function workRecords(
  works: readonly SpecimenWork[],
  { sender, at, answers }: { readonly sender: string; readonly at: string; readonly answers: boolean },
): string[] {
  const { repeat, component, escape } = standardDelimiters;
  const header = ['', '', text(sender), '', '', '', '', '', '', 'P', 'LIS2-A2', at];
  const ended = answers ? (works.length === 0 ? 'I' : 'F') : 'N';
  const records = [
    recordText('H', [`${repeat}${component}${escape}`, ...header], standardDelimiters),
    ...works.flatMap((work, i) => recordsOf(work, i + 1, answers)),
    recordText('L', ['1', ended], standardDelimiters),
  ];
  return records.map((record) => `${record}\r`);
}

function recordsOf(work: SpecimenWork, sequence: number, answers: boolean): string[] {
  const { repeat, component } = standardDelimiters;
  const name = [work.family, work.given].map(text).join(component);
  const patient = [
    `${sequence}`,
    '',
    text(work.patient),
    '',
    name === component ? '' : name,
    '',
    work.birthDate,
    work.sex,
  ];
  const tests = work.tests.map((code) => `${component.repeat(3)}${text(code)}`).join(repeat);
  const order = ['1', text(work.specimen), '', tests, work.priority, '', '', '', '', '', work.action];
  // O.26: Q says that it answers a question, O that it is an order.
  const type = [...Array<string>(13).fill(''), answers ? 'Q' : 'O'];
  return [recordText('P', patient, standardDelimiters), recordText('O', [...order, ...type], standardDelimiters)];
}

function text(value: string): string {
  return escapeText(value, standardDelimiters);
}
