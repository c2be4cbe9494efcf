/**
 * MFN → MFK: what became of each entry of a master file. HL7 v2.5.1 §8.3.2 (MFK), §8.5.1 (MFI-6, table 0179), §8.5.3 (MFA).
 * One message is applied whole or not at all, so all of its entries are answered alike. Pure.
 *
 *   MFI-6   NE  none   ER  those that failed   SU  those that succeeded   AL, or nothing  all
 */
import { fieldsOf, type Message, type Segment } from '../../hl7v2/message.ts';

export const masterFileAnswer = (event: string): readonly string[] => ['MFK', event, 'MFK_M01'];

/** MFI as it came, and an MFA for each MFE that the sender wants to hear of; none without MFI: it must stand in the answer. */
export function masterFileSegments(
  { segments, delimiters }: Message,
  { done, time }: { readonly done: boolean; readonly time: string },
): string[] | undefined {
  const mfi = segments.find(({ name }) => name === 'MFI');
  if (mfi === undefined) return undefined;
  const level = fieldsOf(delimiters, mfi)[6] ?? '';
  const isWanted = level === 'ER' ? !done : level === 'SU' ? done : level !== 'NE';
  const entries = isWanted ? segments.filter(({ name }) => name === 'MFE') : [];
  const { field, component } = delimiters;
  const result = [done ? 'S' : 'U', done ? 'Successful' : 'Unsuccessful', 'HL70181'].join(component);
  const answered = (mfe: Segment): string => {
    const [, event = '', number = '', , key = '', type = ''] = fieldsOf(delimiters, mfe);
    return ['MFA', event, number, time, result, key, type].join(field);
  };
  return [mfi.text, ...entries.map(answered)];
}
