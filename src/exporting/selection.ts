/**
 * What an export finds of each type, as search conditions: its level, the patients it is about, and `_typeFilter`. Access is
 * put to it where it is run (store/export-rows.ts).
 */
import { OutcomeError } from '../fhir/outcome.ts';
import { parseQuery } from '../fhir/query.ts';
import { all, and, or, type Access, type ChainCondition, type Condition } from '../search/ast.ts';
import { compartmentCondition } from '../search/compartment.ts';
import type { TenantParameters } from '../search/parameters.ts';
import { parseSearch } from '../search/parse.ts';
import { isResultParameter } from '../search/result-parameters.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { ExportRequest } from './request.ts';

export interface Selecting {
  readonly request: Pick<ExportRequest, 'level' | 'patients' | 'filters' | 'types' | 'associated'>;
  readonly parameters: TenantParameters;
  readonly access: Access;
}

/** The types of R4's Patient compartment, Patient among them. */
export function patientTypes(parameters: TenantParameters): ReadonlySet<string> {
  const { members } = compartmentCondition('Patient', '-', parameters);
  return new Set([...[...members].flatMap(([type, paths]) => (paths.length > 0 ? [type] : [])), 'Patient']);
}

export function selectionOf(type: string, selecting: Selecting): Condition {
  const { associated } = selecting.request;
  if (type === 'Provenance' && associated !== undefined) {
    const own = selecting.request.types.includes('Provenance') ? [ownSelection(type, selecting)] : [];
    return or([...own, provenanceOf(selecting)]);
  }
  return ownSelection(type, selecting);
}

function ownSelection(type: string, selecting: Selecting): Condition {
  return and([levelCondition(type, selecting), filterCondition(type, selecting)]);
}

function levelCondition(type: string, { request, parameters }: Selecting): Condition {
  if (request.level.of === 'system') return all;
  const patients: Condition = request.patients === undefined ? all : { kind: 'id', values: request.patients };
  if (type === 'Patient') return patients;
  const { members } = compartmentCondition('Patient', '-', parameters);
  return { kind: 'chain', paths: members.get(type) ?? [], type: 'Patient', condition: patients, contained: false };
}

function filterCondition(type: string, { request, parameters, access }: Selecting): Condition {
  const filters = request.filters[type] ?? [];
  if (filters.length === 0) return all;
  return or(filters.map((filter) => parseFilter(type, filter, parameters, access)));
}

/** @throws OutcomeError where it is no search, or asks for more than which resources. */
export function parseFilter(type: string, filter: string, parameters: TenantParameters, access: Access): Condition {
  const criteria = parseQuery(filter, '_typeFilter');
  const other = criteria.find(([name]) => isResultParameter(name.split(':')[0] ?? '') || name.startsWith('_format'));
  if (other !== undefined) {
    const sentence = `_typeFilter: "${other[0].slice(0, 80)}" shapes a result and is no criterion; a filter of an export says which resources.`;
    throw outcomeError('invalid', sentence, { status: 400 });
  }
  try {
    return parseSearch(type, criteria, { parameters, access }).condition;
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    throw outcomeError(error.issues[0]?.code ?? 'invalid', `_typeFilter on ${type}: ${error.message}`, { status: 400 });
  }
}

/** Provenance of anything that is exported. */
function provenanceOf(selecting: Selecting): Condition {
  const { parameters, request, access } = selecting;
  const target = parameters.of('Provenance').byName.get('target');
  if (target === undefined) return { kind: 'none' };
  const chains = request.types
    .filter((type) => type !== 'Provenance' && type !== 'AuditEvent' && access(type) !== undefined)
    .map((type): ChainCondition => ({
      kind: 'chain',
      paths: target.paths,
      type,
      condition: ownSelection(type, selecting),
      contained: false,
    }));
  return or(chains);
}
