/**
 * A report as a FHIR document, by the rules of the HL7 Europe Laboratory Report guide. Pure.
 * https://hl7.eu/fhir/laboratory/ · https://hl7.org/fhir/R4/documents.html
 *
 * 1. One Composition, which stands first, and one DiagnosticReport; each names the other by an extension.
 * 2. Both have the same subject, identifier, type, category and encounter; the status of the Composition follows from the
 *    report's (table below).
 * 3. Each section of the laboratory is a section with its results as entries, and a text that tells them.
 * 4. A reference leads to an entry of the Bundle, or is words.
 */
import { cloneJson, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { codeIn, isObject, loincSystem, object, objects, sectionSystem, text } from '../laboratory/terms.ts';
import type { ReportModel, ReportSection } from './model.ts';
import { narrative } from './narrative.ts';

export interface DocumentSource {
  readonly report: JsonObject;
  /** All that it names, by `Type/id`, without the report. */
  readonly included: ReadonlyMap<string, JsonObject>;
  /** Results by section of the laboratory, as they stand in the report. */
  readonly results: readonly JsonObject[];
  readonly model: ReportModel;
  readonly laboratory: string;
  readonly base: string;
  /** Identifiers of the Bundle and the Composition, and the time. */
  readonly made: { readonly bundle: string; readonly composition: string; readonly now: string };
}

const compositionStatus: Readonly<Record<string, string>> = {
  registered: 'preliminary',
  preliminary: 'preliminary',
  partial: 'preliminary',
  final: 'final',
  amended: 'amended',
  corrected: 'amended',
  appended: 'amended',
  cancelled: 'entered-in-error',
  'entered-in-error': 'entered-in-error',
};

/** Sections of our catalogue → LOINC's laboratory studies. */
const studies: Readonly<Record<string, readonly [code: string, display: string]>> = {
  haematology: ['18723-7', 'Hematology studies (set)'],
  coagulation: ['18720-3', 'Coagulation studies (set)'],
  chemistry: ['18719-5', 'Chemistry studies (set)'],
  lipids: ['18719-5', 'Chemistry studies (set)'],
  thyroid: ['18719-5', 'Chemistry studies (set)'],
  hormones: ['18719-5', 'Chemistry studies (set)'],
  'tumour-markers': ['18719-5', 'Chemistry studies (set)'],
  urinalysis: ['18729-4', 'Urinalysis studies (set)'],
  serology: ['18727-8', 'Serology studies (set)'],
  immunology: ['18727-8', 'Serology studies (set)'],
  drugs: ['18721-1', 'Therapeutic drug monitoring studies (set)'],
  'blood-gas': ['18767-4', 'Blood gas studies (set)'],
  'blood-bank': ['18717-9', 'Blood bank studies (set)'],
  microbiology: ['18725-2', 'Microbiology studies (set)'],
};

const allStudies = ['26436-6', 'Laboratory studies (set)'] as const;

const guide = 'http://hl7.eu/fhir/laboratory/StructureDefinition';
const compositionOfReport = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition';

export function documentBundle(source: DocumentSource): JsonObject {
  const { base, made, included } = source;
  const report = reportOf(source);
  const composition = compositionOf(source, report);
  const all = [composition, report, ...[...included.values()].map((one) => wordsForMissing(one, source))];
  return {
    resourceType: 'Bundle',
    identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${made.bundle}` },
    type: 'document',
    timestamp: made.now,
    entry: all.map((resource) => ({
      fullUrl: `${base}/${String(resource['resourceType'])}/${String(resource['id'])}`,
      resource,
    })),
  };
}

/** What the report and the Composition have in common (rule 2). */
function shared({ report, made }: DocumentSource): {
  identifier: JsonObject;
  code: JsonObject;
  category: JsonValue | undefined;
} {
  const [identifier = { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${made.composition}` }] = objects(
    report['identifier'],
  );
  const codes = objects(object(report['code'])['coding']);
  const known = codes.some(({ system, code }) => system === loincSystem && code === '11502-2');
  const coding = known ? codes : [{ system: loincSystem, code: '11502-2', display: 'Laboratory report' }, ...codes];
  return { identifier, code: { ...object(report['code']), coding }, category: report['category'] };
}

function reportOf(source: DocumentSource): JsonObject {
  const { identifier, code } = shared(source);
  const { presentedForm: _made, ...report } = source.report;
  const others = objects(report['identifier']).slice(1);
  const extension = [
    ...objects(report['extension']),
    { url: compositionOfReport, valueReference: { reference: `Composition/${source.made.composition}` } },
  ];
  return wordsForMissing({ ...report, extension, identifier: [identifier, ...others], code }, source);
}

function compositionOf(source: DocumentSource, report: JsonObject): JsonObject {
  const { made, model, laboratory } = source;
  const { identifier, code, category } = shared(source);
  const authors = objects(report['performer']);
  return {
    resourceType: 'Composition',
    id: made.composition,
    language: model.languages[0] ?? 'en',
    extension: [
      {
        url: `${guide}/composition-diagnosticReportReference`,
        valueReference: { reference: `DiagnosticReport/${String(report['id'])}` },
      },
    ],
    identifier,
    status: compositionStatus[text(report['status']) ?? ''] ?? 'preliminary',
    type: code,
    ...(category !== undefined && { category }),
    ...(report['subject'] !== undefined && { subject: report['subject'] }),
    ...(report['encounter'] !== undefined && { encounter: report['encounter'] }),
    date: text(report['issued']) ?? made.now,
    author: authors.length > 0 ? authors : [{ display: laboratory }],
    title: model.title.join(' / '),
    section: sectionsOf(source),
  };
}

function sectionsOf({ results, model }: DocumentSource): JsonObject[] {
  const bySection = Map.groupBy(
    results,
    (one) => objects(one['category']).flatMap((all) => codeIn(all, sectionSystem) ?? [])[0] ?? '',
  );
  const sections = [...bySection].map(([code, all]): JsonObject => {
    const [loinc, display] = studies[code] ?? allStudies;
    const shown = model.sections.find((section) => section.code === code);
    const own = code === '' ? [] : [{ system: sectionSystem, code }];
    return {
      title: shown?.title.join(' / ') ?? display,
      code: { coding: [{ system: loincSystem, code: loinc, display }, ...own] },
      text: { status: 'generated', div: narrative(shown ?? emptySection, model) },
      entry: all.map(({ id }) => ({ reference: `Observation/${String(id)}` })),
    };
  });
  return sections.length > 0 ? sections : [withoutResults(model)];
}

const emptySection: ReportSection = { code: '', title: [], rows: [] };

function withoutResults(model: ReportModel): JsonObject {
  const [loinc, display] = allStudies;
  return {
    title: model.title.join(' / '),
    code: { coding: [{ system: loincSystem, code: loinc, display }] },
    text: { status: 'generated', div: narrative(emptySection, model) },
    emptyReason: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/list-empty-reason', code: 'unavailable' }],
    },
  };
}

/** Rule 4: a reference to what is not in the document keeps its words and its identifier. */
function wordsForMissing(resource: JsonObject, source: DocumentSource): JsonObject {
  const copy = cloneJson(resource);
  const walk = (value: JsonValue): void => {
    if (Array.isArray(value)) value.forEach(walk);
    if (!isObject(value)) return;
    const { reference } = value;
    if (typeof reference === 'string' && !leadsInside(reference, source)) {
      if (value['display'] === undefined && value['identifier'] === undefined) value['display'] = reference;
      delete value['reference'];
    }
    Object.values(value).forEach(walk);
  };
  walk(copy);
  return copy;
}

function leadsInside(reference: string, { included, report, made }: DocumentSource): boolean {
  return (
    reference.startsWith('#') ||
    included.has(reference) ||
    reference === `DiagnosticReport/${String(report['id'])}` ||
    reference === `Composition/${made.composition}`
  );
}
