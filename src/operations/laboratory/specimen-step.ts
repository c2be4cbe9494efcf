/**
 * Steps of one specimen; laboratory/specimen-states.ts has the table of what is possible when.
 *
 *   POST [base]/Specimen/[id]/$collect     time?, collector?, note?                          200: the Specimen
 *   POST [base]/Specimen/[id]/$receive     time?, container?, note?
 *   POST [base]/Specimen/[id]/$store       location                                          a Location
 *   POST [base]/Specimen/[id]/$retrieve
 *   POST [base]/Specimen/[id]/$ship        location                                          an Organization or a Location
 *   POST [base]/Specimen/[id]/$return      time?
 *   POST [base]/Specimen/[id]/$dispose     reason?
 *   POST [base]/Specimen/[id]/$cancel      reason?
 *
 * What a step says is kept in the Specimen, and who took it, when and why in a Provenance. `container` is the code of the
 * container that arrived: another than the tests need is refused (422), as is a specimen that is older than its tests allow.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Call, Handler } from '../../interactions/call.ts';
import { custodyOf, type Custody } from '../../laboratory/custody.ts';
import { afterStep, withExtension } from '../../laboratory/specimen.ts';
import type { SpecimenStep } from '../../laboratory/specimen-states.ts';
import { object, objects } from '../../laboratory/terms.ts';
import type { Answer, Context } from '../../request.ts';
import { optional } from '../administer.ts';
import { operationInput, type Input } from '../parameters.ts';
import { missing, textOf } from '../request-input.ts';
import { receivedOrder } from '../../laboratory/order-progress.ts';
import { withSections } from '../../laboratory/order.ts';
import { withDue } from '../../laboratory/turnaround.ts';
import { checkReceived, openOrdersOf } from './check-received.ts';
import { referenceIn, timeIn } from './input.ts';
import { asServer, changed, made, writeAll, writtenResource } from './server-rights.ts';
import { known } from './specimens-and-orders.ts';

interface Taking {
  readonly input: Input;
  readonly now: Date;
  readonly fhirUser?: string;
}

/** What a step changes in the specimen besides its state, and what its Provenance tells. */
interface Taken {
  readonly specimen: JsonObject;
  readonly told?: Partial<Pick<Custody, 'occurred' | 'location' | 'reason'>>;
}

type Rule = (specimen: JsonObject, taking: Taking, inside: Context) => Taken | Promise<Taken>;

const rules: Readonly<Partial<Record<SpecimenStep, { readonly names: readonly string[]; readonly rule: Rule }>>> = {
  collect: { names: ['time', 'collector'], rule: collected },
  receive: { names: ['time', 'container'], rule: received },
  store: { names: ['location'], rule: (specimen, { input }) => placed(specimen, input, ['Location']) },
  retrieve: { names: [], rule: (specimen) => ({ specimen: withExtension(specimen, 'specimen-location', undefined) }) },
  ship: { names: ['location'], rule: (specimen, { input }) => placed(specimen, input, ['Organization', 'Location']) },
  return: { names: ['time'], rule: returned },
  dispose: { names: ['reason'], rule: reasoned },
  cancel: { names: ['reason'], rule: reasoned },
};

const unchanged: Rule = (specimen) => ({ specimen });

export function specimenStep(step: SpecimenStep): Handler {
  const { names, rule } = rules[step] ?? { names: [], rule: unchanged };
  return async (context: Context, call: Call): Promise<Answer> => {
    const input = await operationInput(context, call, [...names, 'note']);
    const note = textOf(input, 'note', 2_000);
    const { fhirUser } = context.caller;
    const taking = { input, now: new Date(), ...(fhirUser !== undefined && { fhirUser }) };
    return inTransaction(context, async (inside) => {
      const { resource, version } = await known(inside, 'Specimen', call.target.id);
      const { specimen, told = {} } = await rule(afterStep(resource, step), taking, inside);
      const prepared = changed(inside, noted(specimen, note, taking), version);
      await writeAll(inside, [prepared]);
      await keepCustody(inside, { targets: [`Specimen/${call.target.id}`], step, ...told });
      return { status: 200, resource: writtenResource(prepared) };
    });
  };
}

/** The Provenance of a step that the caller took. */
export async function keepCustody(
  inside: Context,
  told: Omit<Custody, 'recorded' | 'subject' | 'fhirUser'>,
): Promise<void> {
  const { subject, fhirUser } = inside.caller;
  const recorded = new Date().toISOString();
  const server = asServer(inside);
  const custody = custodyOf({ ...told, recorded, subject, ...(fhirUser !== undefined && { fhirUser }) });
  await writeAll(server, [made(server, custody)]);
}

function noted(specimen: JsonObject, note: string | undefined, { now }: Taking): JsonObject {
  if (note === undefined) return specimen;
  return { ...specimen, note: [...objects(specimen['note']), { time: now.toISOString(), text: note }] };
}

function collected(specimen: JsonObject, { input, now, fhirUser }: Taking): Taken {
  const time = timeIn(input, 'time', now);
  const own = /^Practitioner(Role)?\//.test(fhirUser ?? '') ? fhirUser : undefined;
  const collector = referenceIn(input, 'collector', ['Practitioner', 'PractitionerRole']) ?? own;
  const collection = {
    ...object(specimen['collection']),
    ...(collector !== undefined && { collector: { reference: collector } }),
    collectedDateTime: time,
  };
  return { specimen: { ...specimen, collection }, told: { occurred: time } };
}

/** The results of its orders are due from now on. */
async function received(specimen: JsonObject, { input, now }: Taking, inside: Context): Promise<Taken> {
  const time = timeIn(input, 'time', now);
  const orders = await openOrdersOf(inside, specimen);
  await checkReceived(inside, specimen, orders, { time, container: optional(input, 'container') });
  const server = asServer(inside);
  const due = orders.map(({ resource, version, offer }) =>
    changed(server, receivedOrder(withDue(withSections(resource, offer.tests), offer.tests, time)), version),
  );
  await writeAll(server, due);
  return { specimen: { ...specimen, receivedTime: time }, told: { occurred: time } };
}

function placed(specimen: JsonObject, input: Input, types: readonly string[]): Taken {
  const location = referenceIn(input, 'location', types) ?? missing('location');
  return {
    specimen: withExtension(specimen, 'specimen-location', { valueReference: { reference: location } }),
    // Provenance.location is a Location.
    ...(location.startsWith('Location/') && { told: { location } }),
  };
}

function returned(specimen: JsonObject, { input, now }: Taking): Taken {
  const time = timeIn(input, 'time', now);
  return { specimen: withExtension(specimen, 'specimen-location', undefined), told: { occurred: time } };
}

function reasoned(specimen: JsonObject, { input }: Taking): Taken {
  const reason = textOf(input, 'reason', 500);
  return { specimen, ...(reason !== undefined && { told: { reason: { text: reason } } }) };
}
