/**
 * The parameters of $export. https://hl7.org/fhir/uv/bulkdata/export.html#query-parameters
 *
 * What is not understood is refused by name; with `Prefer: handling=lenient` it is left out, and the export says so in its
 * `error` files. Without `_type` everything is exported that the caller may read and find, but for AuditEvents, which are apart
 * from the resources: they have to be named.
 */
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { isResourceType, resourceTypes } from '../fhir/definitions.ts';
import { parseReference } from '../fhir/reference.ts';
import { parseSubset } from '../fhir/summary.ts';
import { parseFilter, patientTypes } from '../exporting/selection.ts';
import { formatNamed, formats, type FormatName } from '../exporting/archive/format.ts';
import type { Associated, ExportRequest, Level } from '../exporting/request.ts';
import { may } from '../interactions/access.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { Context } from '../request.ts';
import { fullAccess } from '../search/ast.ts';
import type { Input } from './parameters.ts';

export type Asked = Pick<
  ExportRequest,
  | 'types'
  | 'since'
  | 'until'
  | 'filters'
  | 'elements'
  | 'associated'
  | 'byPatient'
  | 'partial'
  | 'remarks'
  | 'patients'
  | 'format'
>;

const known: ReadonlySet<string> = new Set([
  '_outputFormat',
  '_since',
  '_until',
  '_type',
  '_typeFilter',
  '_elements',
  'patient',
  'includeAssociatedData',
  'organizeOutputBy',
  'allowPartialManifests',
]);
/** Of HTTP: they shape answers, and have no meaning for files. */
const general: ReadonlySet<string> = new Set(['_format', '_pretty']);

/** What shapes resources, and has no meaning for messages about them. */
const shaping: readonly string[] = ['_elements', 'includeAssociatedData', 'organizeOutputBy'];

interface Reading {
  readonly context: Context;
  readonly input: Input;
  readonly level: Level;
  readonly lenient: boolean;
  readonly remarks: string[];
}

/** @throws OutcomeError 400, or 403 for a type that the caller may not read. */
export function readParameters(context: Context, input: Input, level: Level, lenient: boolean): Asked {
  const reading: Reading = { context, input, level, lenient, remarks: [] };
  for (const name of new Set(input.names)) {
    if (!known.has(name) && !general.has(name)) refuse(reading, `$export has no parameter "${name.slice(0, 80)}".`);
  }
  const format = formatOf(reading);
  const isPlain = format === 'ndjson';
  const associated = isPlain ? associatedOf(reading) : undefined;
  const types = typesOf(reading);
  const since = instantOf(reading, '_since');
  const until = instantOf(reading, '_until');
  const patients = patientsOf(reading);
  return {
    types,
    filters: filtersOf(reading, types),
    elements: isPlain ? elementsOf(reading, types) : [],
    byPatient: isPlain && organised(reading),
    partial: flag(reading, 'allowPartialManifests'),
    remarks: reading.remarks,
    ...(!isPlain && { format }),
    ...(associated && { associated }),
    ...(since && { since }),
    ...(until && { until }),
    ...(patients && { patients }),
  };
}

/** Refused, or left out and said. */
function refuse(
  { lenient, remarks }: Reading,
  sentence: string,
  code: 'not-supported' | 'invalid' = 'not-supported',
): void {
  if (!lenient) throw outcomeError(code, sentence, { status: 400 });
  remarks.push(`Left out: ${sentence}`);
}

function list({ input }: Reading, name: string): string[] {
  return input.texts(name).flatMap((text) =>
    text
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean),
  );
}

function one(reading: Reading, name: string): string | undefined {
  const [text, second] = reading.input.texts(name);
  if (second !== undefined) throw outcomeError('invalid', `$export takes one ${name}.`, { status: 400 });
  return text;
}

/** The format decides what the files are: another is never taken for it. */
export function checkFormat(format: string | undefined): void {
  if (format === undefined || formatNamed(bare(format)) === 'ndjson') return;
  throw otherFormat(format, formats.ndjson.names);
}

function bare(format: string): string {
  return format.split(';')[0]?.trim().replace(' ', '+') ?? '';
}

function otherFormat(format: string, possible: readonly string[]): OutcomeError {
  const sentence = `_outputFormat: "${format.slice(0, 80)}" is not supported; possible: ${possible.join(', ')}.`;
  return outcomeError('not-supported', sentence, { status: 400 });
}

function formatOf(reading: Reading): FormatName {
  const written = one(reading, '_outputFormat') ?? 'ndjson';
  const format = formatNamed(bare(written));
  if (format === undefined) {
    throw otherFormat(
      written,
      Object.values(formats).flatMap(({ names }) => names),
    );
  }
  if (format === 'ndjson') return format;
  for (const name of shaping.filter((shape) => reading.input.names.includes(shape))) {
    refuse(reading, `${name}: ${formats[format].mediaType} has messages about resources; that goes with NDJSON only.`);
  }
  return format;
}

/** @returns an instant in UTC */
function instantOf(reading: Reading, name: string): string | undefined {
  const text = one(reading, name);
  if (text === undefined) return undefined;
  // A plus sign that was not escaped has become a space.
  const written = text.replace(/ (\d\d:\d\d)$/, '+$1');
  const pattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
  const time = pattern.test(written) ? Date.parse(written) : Number.NaN;
  if (Number.isNaN(time)) {
    const sentence = `${name} must be an instant with seconds and a zone, such as 2026-01-31T10:00:00Z, not "${text.slice(0, 40)}".`;
    throw outcomeError('invalid', sentence, { status: 400 });
  }
  return new Date(time).toISOString();
}

function typesOf(reading: Reading): string[] {
  const { context, level } = reading;
  const inLevel = level.of === 'system' ? new Set(resourceTypes) : patientTypes(searchParametersOf(context));
  const allowed = (type: string): boolean => may(context, 's', type) && may(context, 'r', type);
  const named = [...new Set(list(reading, '_type'))];
  if (named.length === 0) {
    return resourceTypes.filter((type) => inLevel.has(type) && type !== 'AuditEvent' && allowed(type));
  }
  return named.filter((type) => {
    const sentence = refusalOf(type, inLevel);
    if (sentence !== undefined) refuse(reading, sentence);
    else if (!allowed(type)) forbid(reading, type);
    else return true;
    return false;
  });
}

function refusalOf(type: string, inLevel: ReadonlySet<string>): string | undefined {
  if (!isResourceType(type)) return `_type: "${type.slice(0, 80)}" is no resource type of FHIR R4.`;
  if (inLevel.has(type)) return undefined;
  return `_type: ${type} is not in the compartment of a Patient; ask for it by an export of the system.`;
}

function forbid({ lenient, remarks }: Reading, type: string): void {
  const sentence = `Your scopes do not allow the export of ${type}: that needs a scope such as system/${type}.rs.`;
  if (!lenient) throw outcomeError('forbidden', sentence);
  remarks.push(`Left out: ${sentence}`);
}

function filtersOf(reading: Reading, types: readonly string[]): Record<string, string[]> {
  const filters: Record<string, string[]> = {};
  const parameters = searchParametersOf(reading.context);
  // A comma ends a filter where the next begins with a type.
  for (const text of reading.input.texts('_typeFilter').flatMap((all) => all.split(/,(?=[A-Z][A-Za-z]+\?)/))) {
    const [, type = '', query = ''] = /^([A-Za-z]+)\?(.*)$/s.exec(text) ?? [];
    if (type === '' || query === '' || !isResourceType(type)) {
      refuse(reading, `_typeFilter: "${text.slice(0, 80)}" is no search such as Observation?status=final.`, 'invalid');
    } else if (!types.includes(type)) {
      refuse(reading, `_typeFilter: ${type} is not among the types that are exported.`, 'invalid');
    } else if (isSearch(reading, () => parseFilter(type, query, parameters, fullAccess))) {
      (filters[type] ??= []).push(query);
    }
  }
  return filters;
}

function isSearch(reading: Reading, parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    if (!(error instanceof OutcomeError) || !reading.lenient) throw error;
    reading.remarks.push(`Left out: ${error.message}`);
    return false;
  }
}

function elementsOf(reading: Reading, types: readonly string[]): string[] {
  const elements = list(reading, '_elements');
  if (elements.length > 0) parseSubset({ summary: [], elements, types: [...types], search: false });
  return elements;
}

function patientsOf(reading: Reading): string[] | undefined {
  const { input, level, context } = reading;
  if (!input.names.includes('patient')) return undefined;
  if (level.of === 'system') {
    refuse(
      reading,
      'patient: an export of the system is about no patients in particular; call Patient/$export or Group/[id]/$export.',
    );
    return undefined;
  }
  const references = [
    ...input.values('patient').map((value) => String(value['reference'] ?? '')),
    ...input
      .texts('patient')
      .filter((text) => text !== '[object Object]')
      .flatMap((text) => text.split(',')),
  ];
  return references.map((reference) => {
    const parsed = parseReference(reference, [context.base]);
    if (parsed?.kind === 'local' && parsed.type === 'Patient') return parsed.id;
    throw outcomeError('invalid', `patient: "${reference.slice(0, 80)}" must be a reference such as Patient/123.`, {
      status: 400,
    });
  });
}

const associations: readonly string[] = ['LatestProvenanceResources', 'RelevantProvenanceResources'];

function associatedOf(reading: Reading): Associated | undefined {
  const named = list(reading, 'includeAssociatedData');
  const unknown = named.find((name) => !associations.includes(name));
  if (unknown !== undefined) {
    refuse(
      reading,
      `includeAssociatedData: "${unknown.slice(0, 80)}" is not known; possible: ${associations.join(', ')}.`,
    );
  }
  const found = named.filter((name) => associations.includes(name));
  if (found.length > 0 && !may(reading.context, 's', 'Provenance')) forbid(reading, 'Provenance');
  // Both together are all of them.
  return (found.includes('RelevantProvenanceResources') ? 'RelevantProvenanceResources' : found[0]) as
    Associated | undefined;
}

function organised(reading: Reading): boolean {
  const by = one(reading, 'organizeOutputBy');
  if (by === undefined) return false;
  if (by === 'Patient' && reading.level.of !== 'system') return true;
  refuse(
    reading,
    `organizeOutputBy: "${by.slice(0, 80)}" is not possible here; files are organised by Patient, on Patient/$export and Group/[id]/$export.`,
  );
  return false;
}

function flag(reading: Reading, name: string): boolean {
  const text = one(reading, name);
  if (text !== undefined && text !== 'true' && text !== 'false') {
    throw outcomeError('invalid', `${name} is true or false, not "${text.slice(0, 40)}".`, { status: 400 });
  }
  return text === 'true';
}
