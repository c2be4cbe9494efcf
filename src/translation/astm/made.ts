/** A specimen that is not known and its patient, as the analyzer names them (P: LIS02-A2 §7). Pure. */
import { componentsAt, textAt, type Record } from '../../astm/record.ts';
import { object } from '../datatypes.ts';
import { dateOnly } from '../times.ts';
import type { Target } from '../translation.ts';
import type { AstmSettings, Work } from './results.ts';

const numberSystem = 'urn:makhbar:astm:patient';
const specimenSystem = 'urn:makhbar:astm:specimen';

/** Undefined where the interface does not let it, or P names nobody. */
export function madeWork(
  target: Target,
  { createsPatients, sender }: AstmSettings,
  { patient, number }: { readonly patient: Record; readonly number: string },
): Work | undefined {
  const named = [3, 4, 5].flatMap((field) => componentsAt(patient, field)[0] ?? '').find((one) => one !== '');
  if (createsPatients !== true || number === '' || named === undefined) return undefined;
  const identifier = { system: `${numberSystem}:${sender}`, value: named };
  const [family = '', ...given] = componentsAt(patient, 6);
  const names = given.filter((one) => one !== '');
  const subject = target.add(
    object({
      resourceType: 'Patient',
      identifier: [identifier],
      name: family === '' && names.length === 0 ? undefined : [object({ family, given: names })],
      birthDate: dateOnly(textAt(patient, 8)),
      gender: genders[textAt(patient, 9).toUpperCase()],
    }),
    [identifier],
  );
  const label = { system: `${specimenSystem}:${sender}`, value: number };
  const specimen = target.add(object({ resourceType: 'Specimen', identifier: [label], subject }), [label]);
  return { specimen, subject, patientNumbers: [named], requests: [] };
}

const genders: Readonly<{ [sex: string]: string }> = { M: 'male', F: 'female', U: 'unknown' };
