/**
 * Specimen/[id]/$label: the label to stick on.
 *
 *   GET [base]/Specimen/[id]/$label    format? (pdf, png, zpl), symbology? (code128, datamatrix), copies? (1 to 20)
 *
 * PDF and ZPL have 50 by 25 mm; PNG is the bar code alone. Of the patient it says what the caller may see.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { typeNumber } from '../../fhir/resource-types.ts';
import type { Call } from '../../interactions/call.ts';
import { parseStored } from '../../interactions/document.ts';
import { visibleCurrent } from '../../interactions/visible.ts';
import { labelOf, symbologies, type Label } from '../../labels/label.ts';
import { zplOf } from '../../labels/zpl.ts';
import { ordersOf } from '../../laboratory/specimen.ts';
import { catalogueSystem, codeIn, object, text } from '../../laboratory/terms.ts';
import type { Answer, Context } from '../../request.ts';
import { operationInput } from '../parameters.ts';
import { oneOf } from '../request-input.ts';
import { numberIn } from './input.ts';
import { asServer } from './server-rights.ts';
import { known, knownAll } from './specimens-and-orders.ts';

type Form = 'pdf' | 'png' | 'zpl';

interface Making {
  readonly contentType: string;
  readonly make: (labels: readonly Label[]) => Promise<Buffer>;
}

// What draws is loaded with the first label: a server that prints none needs no memory for it.
const forms: Readonly<Record<Form, Making>> = {
  pdf: {
    contentType: 'application/pdf',
    make: async (labels) => (await import('../../labels/pdf.ts')).labelsPdf(labels),
  },
  png: {
    contentType: 'image/png',
    make: async ([first]) => (await import('../../labels/png.ts')).barcodePng(first!),
  },
  zpl: { contentType: 'text/plain; charset=utf-8', make: (labels) => Promise.resolve(Buffer.from(zplOf(labels))) },
};

export async function label(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['format', 'symbology', 'copies']);
  const form = oneOf(input, 'format', Object.keys(forms) as Form[]) ?? 'pdf';
  const symbology = oneOf(input, 'symbology', symbologies) ?? 'code128';
  const copies = numberIn(input, 'copies', 20) ?? 1;
  if (!Number.isInteger(copies) || copies === 0) {
    throw outcomeError('invalid', 'copies is a whole number from 1 to 20.', { status: 400 });
  }
  const { resource } = await known(context, 'Specimen', call.target.id);
  const orders = await knownAll(asServer(context), 'ServiceRequest', ordersOf(resource));
  const made = labelOf(resource, await patientOf(context, resource), {
    tests: orders.map(({ resource: order }) => codeIn(order['code'], catalogueSystem) ?? ''),
    urgent: orders.some(({ resource: order }) => order['priority'] === 'stat' || order['priority'] === 'urgent'),
    symbology,
  });
  const { contentType, make } = forms[form];
  const body = await make(Array.from({ length: copies }, () => made));
  return { status: 200, raw: { contentType, length: body.length, body } };
}

async function patientOf(context: Context, specimen: JsonObject): Promise<JsonObject | undefined> {
  const [type, id] = (text(object(specimen['subject'])['reference']) ?? '').split('/');
  if (type !== 'Patient' || id === undefined) return undefined;
  context.trail.patients.add(id);
  const stored = await visibleCurrent(context, { type: typeNumber('Patient') ?? -1, id });
  return typeof stored?.text === 'string' ? parseStored(stored.text) : undefined;
}
