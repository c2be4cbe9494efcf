/** What `makhbar export` was asked for, checked, as the request that $export would have made of it. */
import { makeCaller, operatorCaller } from '../access/caller.ts';
import { resolveRoles } from '../access/role-definition.ts';
import { roleFacts } from '../access/role-facts.ts';
import { parseScopes } from '../access/scopes.ts';
import { exportedTypes } from '../deidentification/rules.ts';
import type { FormatName } from '../exporting/archive/format.ts';
import { researchCaller } from '../exporting/research.ts';
import type { ExportRequest } from '../exporting/request.ts';
import { isResourceType, resourceTypes } from '../fhir/definitions.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Caller } from '../request.ts';
import type { Output } from './connect.ts';
import type { Asked } from './export-folder.ts';

export interface ExportOptions extends Output {
  readonly tenant: string;
  readonly out: string;
  readonly format: FormatName;
  readonly type?: readonly string[];
  /** The project of research by whose rules and key. */
  readonly deidentified?: string;
}

/** @throws OutcomeError that names what cannot be asked for */
export function askedFor({ tenant, format, type = [], deidentified: project }: ExportOptions): Asked {
  const unknown = type.find((one) => !isResourceType(one));
  if (unknown !== undefined) throw outcomeError('value', `${unknown.slice(0, 80)} is no resource type of FHIR R4.`);
  const types = [...new Set(type)];
  if (project === undefined) return { tenant, format, types };
  if (format !== 'ndjson') throw outcomeError('not-supported', 'A de-identified export is NDJSON; leave --format out.');
  const unruled = types.find((one) => !exportedTypes.includes(one));
  if (unruled !== undefined) {
    throw outcomeError('not-supported', `the rules name no ${unruled}; possible: ${exportedTypes.join(', ')}.`);
  }
  return { tenant, format, types, project };
}

export function requestFor({ tenant, format, types, project }: Asked, publicUrl: string | undefined): ExportRequest {
  const all = project === undefined ? resourceTypes.filter((type) => type !== 'AuditEvent') : exportedTypes;
  return {
    ...{ url: '', base: `${publicUrl ?? ''}/${tenant}/fhir`, level: { of: 'system' } },
    types: types.length === 0 ? all : project === undefined ? types : all.filter((type) => types.includes(type)),
    ...{ filters: {}, elements: [], byPatient: false, partial: false, remarks: [] },
    ...(format !== 'ndjson' && { format: format as FormatName }),
    ...(project !== undefined && { project }),
    caller: project === undefined ? operator() : researcher(),
  };
}

function operator(): Caller {
  return operatorCaller({ subject: 'operator', client: 'makhbar', scopes: parseScopes('system/*.rs') });
}

/** Consents, restrictions and labels bind as they bind the role: running the machine is no right to what is hidden. */
function researcher(): Caller {
  const facts = roleFacts(resolveRoles(['researcher'], []));
  return researchCaller(makeCaller({ ...facts, subject: 'operator', client: 'makhbar', scopes: [] }));
}
