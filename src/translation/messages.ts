/**
 * The table of message types: MSH-9 → what translates it. A type that is not here is refused by name, unless the interface
 * stores it without translating it.
 */
import { readHeader } from '../hl7v2/header.ts';
import type { Message } from '../hl7v2/message.ts';
import { admissions, deletions, merges } from './admissions.ts';
import { analyzerResults } from './analyzer.ts';
import { appointments } from './appointments.ts';
import { documents } from './documents.ts';
import { staff, tests } from './master-files.ts';
import { links, moves } from './moves.ts';
import { orders } from './orders.ts';
import { results } from './results.ts';
import { newTarget, type Settings, type Target, type Translation } from './translation.ts';

type Translate = (message: Message, target: Target) => void;

const admission = [
  ...['A01', 'A02', 'A03', 'A04', 'A05', 'A06', 'A07', 'A08', 'A09', 'A10', 'A11', 'A12', 'A13', 'A14', 'A15', 'A16'],
  ...['A25', 'A26', 'A27', 'A28', 'A31', 'A38'],
];
const appointment = ['S12', 'S13', 'S14', 'S15', 'S16', 'S17', 'S18', 'S19', 'S20', 'S21', 'S22', 'S26'];
const document = ['T01', 'T02', 'T03', 'T04', 'T05', 'T06', 'T07', 'T08', 'T09', 'T10', 'T11'];
const merging = ['A18', 'A34', 'A40', 'A47'];
const deleting = ['A23', 'A29'];
const linking = ['A24', 'A37'];
const moving = ['A44', 'A45'];

export const translations: Readonly<Record<string, Translate>> = {
  ...Object.fromEntries(admission.map((event) => [`ADT^${event}`, admissions])),
  ...Object.fromEntries(merging.map((event) => [`ADT^${event}`, merges])),
  ...Object.fromEntries(deleting.map((event) => [`ADT^${event}`, deletions])),
  ...Object.fromEntries(linking.map((event) => [`ADT^${event}`, links])),
  ...Object.fromEntries(moving.map((event) => [`ADT^${event}`, moves])),
  ...Object.fromEntries(appointment.map((event) => [`SIU^${event}`, appointments])),
  ...Object.fromEntries(document.map((event) => [`MDM^${event}`, documents])),
  // What is to be cancelled was answered at once, and whole (§5.4.5): nothing of it is left.
  'QCN^J01': () => undefined,
  'MFN^M02': staff,
  'MFN^M08': tests,
  'ORM^O01': orders,
  'OML^O21': orders,
  'OML^O33': orders,
  'OML^O35': orders,
  'OMG^O19': orders,
  'ORU^R01': results,
  'ORU^R30': results,
  'ORU^R32': results,
  'OUL^R22': results,
  'OUL^R23': results,
  'OUL^R24': results,
};

/** Of an interface of an analyzer (IHE LAW) instead. */
const analyzerTranslations: Readonly<Record<string, Translate>> = { 'OUL^R22': analyzerResults };

/** What a message becomes; problems of severity E say that it does not. */
export function translate(message: Message, settings: Settings, newId: () => string): Translation {
  const { code, event } = readHeader(message);
  const ofAnalyzer = settings.analyzer && analyzerTranslations[`${code}^${event}`];
  const translation = ofAnalyzer ?? translations[`${code}^${event}`];
  const { target, translation: made } = newTarget(settings, newId);
  if (translation === undefined) {
    const known = Object.keys(translations).some((type) => type.startsWith(`${code}^`));
    target.problem({
      code: known ? '201' : '200',
      sentence: `Messages of the type ${code}^${event} are not taken by this interface.`,
      place: { segment: 'MSH', sequence: 1, field: 9 },
    });
    return made;
  }
  translation(message, target);
  return made;
}
