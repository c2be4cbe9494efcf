/** The patient of an order, as far as the caller may see him. */
import { permitsWhole } from '../../access/permits.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { typeNumber } from '../../fhir/resource-types.ts';
import { parseStored } from '../../interactions/document.ts';
import { visibleCurrent } from '../../interactions/visible.ts';
import type { Context } from '../../request.ts';

const patientType = typeNumber('Patient') ?? -1;

/**
 * Who sees only his own patients may order for another whom he does not see, as by a plain POST: he is told nothing of him.
 * @throws OutcomeError `not-found` (404) for one who is not there; `business-rule` for one who was merged
 */
export async function checkPatientOfOrder(context: Context, reference: string): Promise<void> {
  const [, id = ''] = reference.split('/');
  const stored = await visibleCurrent(context, { type: patientType, id });
  if (stored === undefined || stored.text === null) {
    if (!permitsWhole(context.caller.permits, 'r', 'Patient')) return;
    throw outcomeError('not-found', `There is no ${reference}.`);
  }
  if (parseStored(stored.text)['active'] !== false) return;
  throw outcomeError('business-rule', `${reference} is not active: it was merged or entered in error.`);
}
