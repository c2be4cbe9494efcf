/**
 * The digest of what a report tells: its own members, results and specimens, and who the patient is. Where it is the same,
 * the document that was made of it is the same; where it is another, an older document is superseded.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../fhir/json.ts';
import { signedText } from '../results/signature.ts';
import type { Core } from './gather.ts';

export function contentOf({
  report,
  patient,
  results,
  specimens,
}: Pick<Core, 'report' | 'patient' | 'results' | 'specimens'>): Buffer {
  const { presentedForm: _made, ...told } = report;
  const { name, birthDate, gender, identifier, id } = patient ?? {};
  const who: JsonObject = {
    ...(id !== undefined && { id }),
    ...(name !== undefined && { name }),
    ...(birthDate !== undefined && { birthDate }),
    ...(gender !== undefined && { gender }),
    ...(identifier !== undefined && { identifier }),
  };
  return createHash('sha256')
    .update(signedText([told, who, ...results.values(), ...specimens]))
    .digest();
}
