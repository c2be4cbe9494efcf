/** What the laboratory knows of the orders and specimens that results of an analyzer (LAB-29) name. */
import { readSegments } from '../../../hl7v2/message.ts';
import { storing } from '../../../interactions/processing-restriction.ts';
import type { Context } from '../../../request.ts';
import type { JsonObject } from '../../../fhir/json.ts';
import type { Analyzer, AnalyzerOrder } from '../../../translation/translation.ts';
import type { Known } from '../applied.ts';
import { findAll, findSpecimens, isId } from '../../find.ts';

/** Undefined for messages of other interfaces, and of other types. */
export async function analyzerOf(context: Context, known: Known): Promise<Analyzer | undefined> {
  const { law, id } = known.interface;
  if (law === undefined || known.header.code !== 'OUL') return undefined;
  // What arrives is stored, also where processing is restricted.
  const inside = storing(context);
  const { orders, specimens } = namesOf(known);
  const found = await findAll(inside, 'ServiceRequest', '_id', orders.filter(isId));
  const others = orders.filter((number) => !found.some((one) => one['id'] === number));
  const numbered = await findAll(inside, 'ServiceRequest', 'identifier', others);
  const tubes = new Map<string, JsonObject>();
  for (const number of specimens) {
    const [first, ...more] = await findSpecimens(inside, number);
    if (first !== undefined && more.length === 0) tubes.set(number, first);
  }
  return {
    interface: id,
    device: law.device === undefined ? undefined : { reference: law.device },
    order: (number) => {
      const named = found.find((one) => one['id'] === number);
      const [first, ...more] = named ? [named] : numbered.filter((one) => isNumbered(one, number));
      return first === undefined || more.length > 0 ? undefined : orderOf(first);
    },
    specimen: (number) => {
      const tube = tubes.get(number);
      const subject = tube?.['subject'] as JsonObject | undefined;
      return tube && { reference: { reference: `Specimen/${String(tube['id'])}` }, ...(subject && { subject }) };
    },
  };
}

function isNumbered(order: JsonObject, number: string): boolean {
  return ((order['identifier'] ?? []) as { value?: string }[]).some(({ value }) => value === number);
}

function orderOf(order: JsonObject): AnalyzerOrder {
  const { subject, specimen: [specimen] = [] } = order as { subject?: JsonObject; specimen?: JsonObject[] };
  return { id: String(order['id']), ...(subject && { subject }), ...(specimen && { specimen }) };
}

function namesOf({ message }: Known): { orders: string[]; specimens: string[] } {
  const orders = new Set<string>();
  const specimens = new Set<string>();
  for (const segment of readSegments(message)) {
    if (segment.name === 'OBR') orders.add(segment.text(2));
    if (segment.name === 'SPM') [segment.text(2, 1), segment.text(2, 2)].forEach((one) => specimens.add(one));
    if (segment.name === 'SAC') specimens.add(segment.text(3));
  }
  const said = (names: Set<string>): string[] => [...names].filter((name) => name !== '').slice(0, 200);
  return { orders: said(orders), specimens: said(specimens) };
}
