/**
 * An analyte as the catalogue defines it: a FHIR ObservationDefinition (profiles/laboratory-analyte.json) read into what
 * results are checked with. https://hl7.org/fhir/R4/observationdefinition.html
 *
 * R4 has no place for some of it; extensions of ours hold the version (definition-version), values of a coded result
 * (coded-value), how much a result may differ from the last (delta-limit), how it is calculated (calculation), and for an
 * interval the method, the device and the source (interval-method, interval-device, interval-source).
 */
import type { Decimal } from '../fhir/decimal.ts';
import { parseDecimal } from '../fhir/decimal.ts';
import { numberText, type JsonObject } from '../fhir/json.ts';
import { measureOf, readInterval, type Interval, type Measure } from './interval.ts';
import {
  catalogueSystem,
  codeIn,
  codings,
  extensions,
  isObject,
  names,
  object,
  objects,
  part,
  sectionSystem,
  text,
  ucumSystem,
} from './terms.ts';

/** What a result is; `ratio` is a titre (1:160). */
export type ResultType = 'Quantity' | 'CodeableConcept' | 'string' | 'integer' | 'Ratio' | 'Range' | 'boolean';

export interface CodedValue {
  /** Coding: system, code, display in English with translations. */
  readonly coding: JsonObject;
  /** A code of v3-ObservationInterpretation: N, A, AA, POS, NEG, IND, … */
  readonly interpretation?: string;
}

/** A result is conspicuous where it differs from one that is not older than `within` by more than this. */
export interface DeltaLimit {
  /** In the unit of the analyte. */
  readonly absolute?: Measure;
  /** Percent of the earlier value. */
  readonly percent?: Decimal;
  readonly within?: Measure;
}

export interface CalculationInput {
  /** The name in the formula, as %name. */
  readonly name: string;
  /** Code of the analyte in the catalogue. */
  readonly analyte: string;
  /** UCUM: the value is converted to it before the formula gets it. */
  readonly unit: string;
}

/**
 * A formula in FHIRPath over numbers: its inputs by name, and %age (years at collection) and %sex ('male' or 'female').
 * Its result is in the unit of the analyte. Empty where it cannot be calculated.
 */
export interface Calculation {
  readonly formula: string;
  readonly inputs: readonly CalculationInput[];
}

export interface AnalyteDefinition {
  /** `ObservationDefinition.id`; '' where it has none. */
  readonly id: string;
  /** Code in the catalogue of the laboratory; undefined where the definition is none of ours. */
  readonly code?: string;
  readonly version?: string;
  /** The codings of a result: LOINC, the laboratory's own. */
  readonly codings: readonly JsonObject[];
  /** By language: en, fr, ar. */
  readonly names: ReadonlyMap<string, string>;
  readonly section?: string;
  readonly types: readonly ResultType[];
  readonly multiple: boolean;
  readonly method?: JsonObject;
  /** UCUM code, and how it is written for people. */
  readonly unit?: { readonly code: string; readonly text: string };
  /** Another unit in use, and what a value in `unit` is multiplied with for it. */
  readonly customaryUnit?: { readonly code: string; readonly text: string; readonly factor?: Decimal };
  readonly decimals?: number;
  readonly intervals: readonly Interval[];
  readonly codedValues: readonly CodedValue[];
  readonly deltaLimits: readonly DeltaLimit[];
  readonly calculation?: Calculation;
}

export function readDefinition(resource: JsonObject): AnalyteDefinition {
  const code = codeIn(resource['code'], catalogueSystem);
  const section = objects(resource['category']).flatMap((one) => codeIn(one, sectionSystem) ?? [])[0];
  const version = text(extensions(resource, 'definition-version')[0]?.['valueString']);
  const method = resource['method'];
  const types = Array.isArray(resource['permittedDataType']) ? resource['permittedDataType'] : [];
  const calculation = calculationOf(resource);
  return {
    id: text(resource['id']) ?? '',
    ...(code !== undefined && { code }),
    ...(version !== undefined && { version }),
    codings: codings(resource['code']),
    names: names(resource, 'preferredReportName'),
    ...(section !== undefined && { section }),
    types: types as ResultType[],
    multiple: resource['multipleResultsAllowed'] === true,
    ...(isObject(method) && { method }),
    ...quantitative(object(resource['quantitativeDetails'])),
    intervals: objects(resource['qualifiedInterval']).map(readInterval),
    codedValues: extensions(resource, 'coded-value').map(codedValueOf),
    deltaLimits: extensions(resource, 'delta-limit').map(deltaLimitOf),
    ...(calculation && { calculation }),
  };
}

function unitOf(concept: JsonObject): { code: string; text: string } | undefined {
  const code = codeIn(concept, ucumSystem);
  if (code === undefined) return undefined;
  return { code, text: text(concept['text']) ?? text(codings(concept)[0]?.['display']) ?? code };
}

function quantitative(details: JsonObject): Partial<AnalyteDefinition> {
  const unit = unitOf(object(details['unit']));
  const customary = unitOf(object(details['customaryUnit']));
  const factor = decimalOf(details, 'conversionFactor');
  const decimals = details['decimalPrecision'];
  return {
    ...(unit && { unit }),
    ...(customary && { customaryUnit: { ...customary, ...(factor && { factor }) } }),
    ...(typeof decimals === 'number' && { decimals }),
  };
}

function decimalOf(parent: JsonObject | undefined, member: string): Decimal | undefined {
  return typeof parent?.[member] === 'number' ? parseDecimal(numberText(parent, member)) : undefined;
}

function codedValueOf(extension: JsonObject): CodedValue {
  const interpretation = text(part(extension, 'interpretation')?.['valueCode']);
  return {
    coding: object(part(extension, 'value')?.['valueCoding']),
    ...(interpretation !== undefined && { interpretation }),
  };
}

function deltaLimitOf(extension: JsonObject): DeltaLimit {
  const absolute = measureOf(part(extension, 'absolute')?.['valueQuantity']);
  const percent = decimalOf(part(extension, 'percent'), 'valueDecimal');
  const within = measureOf(part(extension, 'within')?.['valueDuration']);
  return { ...(absolute && { absolute }), ...(percent && { percent }), ...(within && { within }) };
}

function calculationOf(resource: JsonObject): Calculation | undefined {
  const [extension] = extensions(resource, 'calculation');
  const formula = text(object(part(extension, 'formula')?.['valueExpression'])['expression']);
  if (formula === undefined) return undefined;
  const inputs = objects(extension?.['extension']).filter(({ url }) => url === 'input');
  return {
    formula,
    inputs: inputs.map((input) => ({
      name: text(part(input, 'name')?.['valueId']) ?? '',
      analyte: text(part(input, 'analyte')?.['valueCode']) ?? '',
      unit: text(part(input, 'unit')?.['valueCode']) ?? '1',
    })),
  };
}
