/** SpecimenDefinitions of the containers. */
import type { JsonObject } from '../../fhir/json.ts';
import { catalogueSystem, containerProfile, snomedSystem } from '../terms.ts';
import { extension, named, quantity, range } from './element.ts';
import { bounds, cell, type Row } from './table.ts';
import { versionId, versionOf } from './version.ts';

const caps = 'http://terminology.hl7.org/CodeSystem/container-cap';
const additives = 'http://terminology.hl7.org/CodeSystem/v2-0371';

export function container(row: Row): JsonObject {
  const code = cell(row, 'code');
  const content: JsonObject = {
    extension: [extension('container-label', { valueString: cell(row, 'label') })],
    identifier: { system: catalogueSystem, value: code },
    typeCollected: {
      coding: [{ system: snomedSystem, code: cell(row, 'snomed'), display: cell(row, 'type') }],
      text: cell(row, 'type'),
    },
    typeTested: [{ preference: 'preferred', container: vessel(row), handling: [handling(row)] }],
  };
  const version = versionOf(content);
  return {
    resourceType: 'SpecimenDefinition',
    id: versionId(code, version),
    meta: { profile: [containerProfile] },
    ...content,
    extension: [extension('definition-version', { valueString: version }), ...(content['extension'] as JsonObject[])],
  };
}

function vessel(row: Row): JsonObject {
  const [cap, additive] = [cell(row, 'cap'), cell(row, 'additive')];
  return {
    ...(cap !== '' && { cap: { coding: [{ system: caps, code: cap }] } }),
    ...named('description', row),
    capacity: quantity(Number(cell(row, 'capacity')), 'mL'),
    minimumVolumeQuantity: quantity(Number(cell(row, 'minimum')), 'mL'),
    ...(additive !== '' && {
      additive: [{ additiveCodeableConcept: { coding: [{ system: additives, code: additive }] } }],
    }),
  };
}

function handling(row: Row): JsonObject {
  const { low = 0, high = 0 } = bounds(cell(row, 'temperature')) ?? {};
  return {
    temperatureRange: range(quantity(low, 'Cel', '°C'), quantity(high, 'Cel', '°C')),
    maxDuration: quantity(Math.round(Number(cell(row, 'stability-days')) * 24), 'h'),
  };
}
