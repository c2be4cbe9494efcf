/** POST to the base: a batch or a transaction. https://hl7.org/fhir/R4/http.html#transaction */
import { parseBundle } from '../fhir/bundle.ts';
import type { Answer, Context } from '../request.ts';
import { batch } from './batch.ts';
import { readResource } from './body.ts';
import type { Call } from './call.ts';
import { allowParameters } from './headers.ts';
import { transaction } from './transaction.ts';

export async function bundle(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  const { type, entries } = parseBundle(await readResource(context, call, 'Bundle'), [context.base]);
  context.trail.asked = { ...context.trail.asked, kind: type };
  return type === 'batch' ? batch(context, call, entries) : transaction(context, call, entries);
}
