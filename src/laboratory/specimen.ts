/** A specimen as a FHIR Specimen: made at accession, changed by steps (specimen-states.ts). */
import type { JsonObject } from '../fhir/json.ts';
import { accessionSystem } from './accession-number.ts';
import {
  nextSpecimenState,
  specimenStates,
  specimenStatus,
  type SpecimenState,
  type SpecimenStep,
} from './specimen-states.ts';
import { extensions, extensionUrl, isObject, object, objects, text, ucumSystem, type ExtensionName } from './terms.ts';
import type { ContainerDefinition } from './test-definition.ts';

export interface Accessioned {
  readonly number: string;
  readonly subject: string;
  readonly container: ContainerDefinition;
  /** `ServiceRequest/1` */
  readonly orders: readonly string[];
  readonly volume: number;
}

export function specimenOf({ number, subject, container, orders, volume }: Accessioned): JsonObject {
  const { capacity, container: vessel } = container;
  const quantity = (value: number): JsonObject => ({ value, unit: 'mL', system: ucumSystem, code: 'mL' });
  const filled = objects(vessel['additive'])[0]?.['additiveCodeableConcept'];
  return {
    resourceType: 'Specimen',
    extension: [
      { url: extensionUrl('specimen-state'), valueCode: 'accessioned' },
      {
        url: extensionUrl('specimen-definition'),
        valueReference: { reference: `SpecimenDefinition/${container.id}`, display: container.name },
      },
    ],
    accessionIdentifier: { system: accessionSystem, value: number },
    type: container.type,
    subject: { reference: subject },
    request: orders.map((reference) => ({ reference })),
    container: [
      {
        description: container.name,
        ...(capacity !== undefined && { capacity: quantity(capacity) }),
        ...(volume > 0 && { specimenQuantity: quantity(Math.round(volume * 100) / 100) }),
        ...(isObject(filled) && { additiveCodeableConcept: filled }),
      },
    ],
  };
}

export function numberOf(specimen: JsonObject): string {
  return text(object(specimen['accessionIdentifier'])['value']) ?? String(specimen['id']);
}

/** Where it stands; one that another system stored by its status. */
export function stateOf(specimen: JsonObject): SpecimenState {
  const written = text(extensions(specimen, 'specimen-state')[0]?.['valueCode']);
  const known = specimenStates.find((state) => state === written);
  if (known !== undefined) return known;
  const status = text(specimen['status']);
  if (status === 'unsatisfactory') return 'rejected';
  if (status === 'entered-in-error') return 'cancelled';
  if (status === 'unavailable') return 'disposed';
  if (specimen['receivedTime'] !== undefined) return 'received';
  return isObject(specimen['collection']) ? 'collected' : 'accessioned';
}

/** An extension of ours in the place of another of its name; none takes it away. */
export function withExtension(resource: JsonObject, name: ExtensionName, value: JsonObject | undefined): JsonObject {
  const others = objects(resource['extension']).filter(({ url }) => url !== extensionUrl(name));
  const all = value === undefined ? others : [...others, { url: extensionUrl(name), ...value }];
  const { extension: _extension, ...rest } = resource;
  return all.length === 0 ? rest : { ...rest, extension: all };
}

/** The specimen after a step. @throws OutcomeError `conflict` where the step is not possible. */
export function afterStep(specimen: JsonObject, step: SpecimenStep): JsonObject {
  const state = nextSpecimenState(numberOf(specimen), stateOf(specimen), step);
  const status = specimenStatus(state);
  const changed = withExtension(specimen, 'specimen-state', { valueCode: state });
  const { status: _status, ...rest } = changed;
  return { ...rest, ...(status !== undefined && { status }) };
}

/** References of the orders that it was taken for. */
export function ordersOf(specimen: JsonObject): string[] {
  return objects(specimen['request']).flatMap(({ reference }) => text(reference) ?? []);
}

export function collectedAt(specimen: JsonObject): string | undefined {
  const collection = object(specimen['collection']);
  return text(collection['collectedDateTime']) ?? text(object(collection['collectedPeriod'])['end']);
}
