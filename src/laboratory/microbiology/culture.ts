/**
 * A culture as Observations: the culture → hasMember its organisms → hasMember their susceptibilities, as the laboratory
 * profiles of HL7 Europe and of US Core have it.
 *
 * An organism is the value (SNOMED CT) of an Observation LOINC 6463-4 "Bacteria identified by culture"; a susceptibility has
 * the LOINC code of its drug, the concentration or zone as value, the method, and S, I or R as interpretation.
 */
import { setMember, type JsonObject } from '../../fhir/json.ts';
import {
  catalogueSystem,
  extensionUrl,
  interpretationSystem,
  loincSystem,
  sectionSystem,
  snomedSystem,
  ucumSystem,
} from '../terms.ts';
import type { Drug, NamedOrganism } from './antibiogram.ts';
import type { Judged, Method, Reading } from './interpret.ts';

export const isolateSystem = 'urn:makhbar:isolate';

/** What all Observations of a culture share. */
export interface OfCulture {
  readonly order: string;
  readonly subject: string;
  readonly effective: string;
  readonly issued: string;
  readonly enteredBy: string;
  readonly status: string;
  readonly state: string;
  readonly specimen?: string;
  readonly device?: string;
}

const observationCategory = 'http://terminology.hl7.org/CodeSystem/observation-category';

function base(of: OfCulture, identifier: string): JsonObject {
  return {
    resourceType: 'Observation',
    identifier: [{ system: isolateSystem, value: identifier }],
    extension: [
      { url: extensionUrl('result-state'), valueCode: of.state },
      { url: extensionUrl('entered-by'), valueString: of.enteredBy },
    ],
    basedOn: [{ reference: of.order }],
    status: of.status,
    category: [
      { coding: [{ system: observationCategory, code: 'laboratory' }] },
      { coding: [{ system: sectionSystem, code: 'microbiology' }] },
    ],
    subject: { reference: of.subject },
    effectiveDateTime: of.effective,
    issued: of.issued,
    ...(of.specimen !== undefined && { specimen: { reference: of.specimen } }),
    ...(of.device !== undefined && { device: { reference: of.device } }),
  };
}

/** It waits for nobody: it has no state on the way to a release. */
function unreported(of: OfCulture, identifier: string, reason: string): JsonObject {
  return {
    ...base(of, identifier),
    extension: [
      { url: extensionUrl('suppressed'), valueString: reason },
      { url: extensionUrl('entered-by'), valueString: of.enteredBy },
    ],
    status: 'preliminary',
  };
}

export interface Isolate {
  readonly identifier: string;
  readonly organism: Pick<NamedOrganism, 'code' | 'snomed' | 'name'>;
  /** Colonies, as the laboratory says it: `>=10^5 CFU/mL`, `few`. */
  readonly count?: string;
  readonly members: readonly string[];
}

export function organismOf(of: OfCulture, { identifier, organism, count, members }: Isolate): JsonObject {
  return {
    ...base(of, identifier),
    code: {
      coding: [{ system: loincSystem, code: '6463-4', display: 'Bacteria identified in Specimen by Culture' }],
      text: 'Organism',
    },
    valueCodeableConcept: {
      coding: [{ system: snomedSystem, code: organism.snomed, display: organism.name }],
      text: organism.name,
    },
    ...(count !== undefined && { note: [{ text: count }] }),
    ...(members.length > 0 && { hasMember: members.map((reference) => ({ reference })) }),
  };
}

export interface Susceptibility {
  readonly identifier: string;
  readonly drug: Drug;
  readonly method: Method;
  /** Without one: intrinsic resistance, or S, I, R as it was given. */
  readonly reading?: Reading;
  readonly judged: Judged;
  /** Why it is not reported. */
  readonly suppressed?: string;
}

const methods = {
  mic: { text: 'Minimum inhibitory concentration', unit: 'mg/L', shown: 'mg/L' },
  disk: { text: 'Disk diffusion', unit: 'mm', shown: 'mm' },
} as const;

export function susceptibilityOf(
  of: OfCulture,
  { identifier, drug, method, reading, judged, suppressed }: Susceptibility,
): JsonObject {
  const { category, because } = judged;
  return {
    ...(suppressed === undefined ? base(of, identifier) : unreported(of, identifier, suppressed)),
    code: {
      coding: [
        ...(drug.loinc === ''
          ? []
          : [{ system: loincSystem, code: drug.loinc, display: `${drug.name} [Susceptibility]` }]),
        { system: `${catalogueSystem}:drug`, code: drug.code, display: drug.name },
      ],
      text: drug.name,
    },
    ...(reading === undefined ? {} : { valueQuantity: quantityOf(reading, method) }),
    ...(reading === undefined &&
      category !== undefined && {
        valueCodeableConcept: { coding: [{ system: interpretationSystem, code: category }], text: category },
      }),
    ...(category !== undefined && {
      interpretation: [{ coding: [{ system: interpretationSystem, code: category }], text: category }],
    }),
    note: [{ text: because }],
    method: { text: methods[method].text },
  };
}

function quantityOf({ comparator, value }: Reading, method: Method): JsonObject {
  const { unit, shown } = methods[method];
  const quantity: JsonObject = {};
  setMember(quantity, 'value', Number(value), value);
  return Object.assign(quantity, {
    ...(comparator !== undefined && { comparator }),
    ...{ unit: shown, system: ucumSystem, code: unit },
  });
}
