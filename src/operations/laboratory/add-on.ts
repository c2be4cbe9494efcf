/**
 * ServiceRequest/$add-on: further tests on a specimen that the laboratory has, as long as it is fresh enough for them.
 *
 *   POST [base]/ServiceRequest/$add-on    specimen, test…, reason?, note?, priority?, requester?, location?    201: Parameters with order…
 *
 * Refused (409) for a specimen that is not received or stored, and (422) for a test in another container, or one that needs
 * a younger specimen.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Call } from '../../interactions/call.ts';
import { newId } from '../../interactions/new-id.ts';
import { receivedOrder } from '../../laboratory/order-progress.ts';
import { orderOf, type Ordering } from '../../laboratory/order.ts';
import { collectedAt, numberOf, stateOf } from '../../laboratory/specimen.ts';
import { extensions, object, objects, text } from '../../laboratory/terms.ts';
import { withDue } from '../../laboratory/turnaround.ts';
import type { Answer, Context } from '../../request.ts';
import { operationInput, type Input } from '../parameters.ts';
import { missing, oneOf, textOf } from '../request-input.ts';
import { checkStability } from './check-received.ts';
import { containersOf } from './find-tests.ts';
import { referenceIn } from './input.ts';
import { wantedIn, type Wanted } from './order.ts';
import { asServer, changed, made, writeAll, writtenResource } from './server-rights.ts';
import { keepCustody } from './specimen-step.ts';
import { known } from './specimens-and-orders.ts';

const names = ['specimen', 'test', 'reason', 'note', 'priority', 'requester', 'location'];

export async function addOn(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, names);
  const reference = referenceIn(input, 'specimen', ['Specimen']) ?? missing('specimen');
  const wanted = await wantedIn(context, input.texts('test'));
  return inTransaction(context, async (inside) => {
    const { resource, version } = await known(inside, 'Specimen', reference.split('/')[1] ?? '');
    await checkSpecimen(inside, resource, wanted);
    const ordering = orderingOf(inside, input, resource);
    // The specimen is here: they are to be run.
    const orders = wanted.map(({ test, panel }) =>
      made(inside, receivedOrder(withDue(orderOf(test, ordering, panel), [test], ordering.authoredOn))),
    );
    await writeAll(inside, orders);
    const added = orders.map(({ entry }) => ({ reference: `ServiceRequest/${entry.id}` }));
    const server = asServer(inside);
    const whole = { ...resource, request: [...objects(resource['request']), ...added] };
    await writeAll(server, [changed(server, whole, version)]);
    await keepCustody(inside, { targets: [reference], step: 'add-on' });
    const parameter = orders.map((one) => ({ name: 'order', resource: writtenResource(one) }));
    return { status: 201, resource: { resourceType: 'Parameters', parameter } };
  });
}

/** @throws OutcomeError where a test cannot be done on the specimen as it is. */
export async function checkSpecimen(inside: Context, specimen: JsonObject, wanted: readonly Wanted[]): Promise<void> {
  const [number, state] = [numberOf(specimen), stateOf(specimen)];
  if (state !== 'received' && state !== 'stored') {
    throw outcomeError(
      'conflict',
      `Specimen ${number} is ${state}: tests are added to one that is received or stored.`,
    );
  }
  const tests = wanted.map(({ test }) => test);
  const containers = await containersOf(inside, tests);
  const own = await containerOf(inside, specimen);
  const other = tests.find(({ containers: [id = ''] }) => containers.get(id)?.code !== own);
  if (own !== undefined && other !== undefined) {
    const needed = containers.get(other.containers[0] ?? '')?.name ?? 'another container';
    throw outcomeError(
      'business-rule',
      `The test ${other.code} needs ${needed}; specimen ${number} is in another one.`,
    );
  }
  const collected = collectedAt(specimen) ?? text(specimen['receivedTime']);
  if (collected !== undefined) checkStability(specimen, tests, collected, Date.now());
}

/** Code of the container that the specimen was accessioned in. */
async function containerOf(inside: Context, specimen: JsonObject): Promise<string | undefined> {
  const [extension] = extensions(specimen, 'specimen-definition');
  const id = text(object(extension?.['valueReference'])['reference'])?.split('/')[1];
  if (id === undefined) return undefined;
  const found = await containersOf(inside, [{ containers: [id] }]);
  return found.get(id)?.code;
}

function orderingOf({ caller }: Context, input: Input, specimen: JsonObject): Ordering {
  const own = /^Practitioner(Role)?\//.test(caller.fhirUser ?? '') ? caller.fhirUser : undefined;
  const requester = referenceIn(input, 'requester', ['Practitioner', 'PractitionerRole', 'Organization']) ?? own;
  const location = referenceIn(input, 'location', ['Location']);
  const [reason, note] = [textOf(input, 'reason', 500), textOf(input, 'note', 2_000)];
  return {
    subject: text(object(specimen['subject'])['reference']) ?? '',
    requisition: newId(),
    authoredOn: new Date().toISOString(),
    priority: oneOf(input, 'priority', ['routine', 'urgent', 'asap', 'stat'] as const) ?? 'routine',
    specimen: `Specimen/${String(specimen['id'])}`,
    ...(requester !== undefined && { requester }),
    ...(location !== undefined && { location }),
    ...(reason !== undefined && { reason }),
    ...(note !== undefined && { note }),
  };
}
