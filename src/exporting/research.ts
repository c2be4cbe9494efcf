/**
 * De-identified exports: under whose rights they find, what is made of a line, and what the manifest says of them.
 *
 * 1. Whoever asks may read none of it by himself: the job has the right to read what the rules name, and nothing leaves it
 *    but what the rules make of it. Consents, restrictions and labels bind it as they bind research.
 * 2. Without the key of the project there is no export.
 */
import type { Caller } from '../access/caller.ts';
import { deidentified } from '../deidentification/deidentify.ts';
import { pseudonymsBy } from '../deidentification/pseudonyms.ts';
import { exportedTypes, rules } from '../deidentification/rules.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { openBytes } from '../files/encrypted.ts';
import { accessOf } from '../interactions/access.ts';
import type { Context } from '../request.ts';
import { measureLikeness } from '../store/likeness.ts';
import type { Session } from '../store/pool.ts';
import { readProject } from '../store/research-projects.ts';
import { tenantKeys } from '../store/tenant-keys.ts';
import type { Shape } from './lines.ts';
import type { ResearchReport } from './research-report.ts';
import { rememberedCaller } from './request.ts';
import { measuredCodes } from './research-codes.ts';

const research = 'HRESCH';

export function researchCaller(caller: Caller): Caller {
  return {
    ...rememberedCaller(caller),
    permits: exportedTypes.map((type) => ({ type, permissions: 'rs', compartments: [], filters: [], roleFilters: [] })),
    rolePermits: [],
    compartments: {},
    operator: false,
    purposes: [research],
    consent: 'enforced',
  };
}

export function mayResearch(caller: Caller): boolean {
  return caller.manages.includes('research');
}

/** The name under which a project's key is encrypted: it opens for no other. */
export function projectKeyName(tenant: number, id: string): string {
  return `${tenant}/research/${id}`;
}

/** @throws OutcomeError where there is none of this name, or its key is destroyed */
export async function checkProject(session: Session, name: string): Promise<void> {
  if ((await readProject(session, name))?.sealed !== undefined) return;
  throw outcomeError('not-found', `There is no project "${name.slice(0, 64)}" under way.`);
}

/** What was measured for an export, and how it is kept for what follows. */
export interface Measuring {
  readonly report?: JsonObject | undefined;
  readonly keep: (report: JsonObject) => Promise<unknown>;
}

/** What makes lines of the export of a project; measured first where that was not done. */
export async function researchShape(
  context: Context,
  { report: known, keep }: Measuring,
  { name, moment }: { readonly name: string; readonly moment: string },
): Promise<Shape> {
  const project = await readProject(context.session, name);
  if (project?.sealed === undefined) {
    throw outcomeError('not-found', `The project "${name}" has ended, and its key is destroyed.`);
  }
  const { server, tenant } = context;
  const keys = tenantKeys(server.database, tenant.id, server.config.keyEncryptionKey());
  const key = await openBytes(keys, projectKeyName(tenant.id, project.id), project.sealed);
  const report = known ?? (await measured(context, { ...project, moment }));
  if (known === undefined) await keep(report);
  const { countries, states, postalCodes, sharedCodes: codes = [] } = report as unknown as ResearchReport;
  const areas = { countries: new Set(countries), states: new Set(states), postalCodes: new Set(postalCodes) };
  const given = {
    pseudonyms: pseudonymsBy(key),
    dates: project.dates,
    base: context.base,
    moment,
    areas,
    shared: new Set(codes),
  };
  return (resource) => deidentified(resource, given);
}

async function measured(
  context: Context,
  { name, dates, least, moment }: { name: string; dates: 'shift' | 'year'; least: number; moment: string },
): Promise<JsonObject> {
  const firstYear = Number(moment.slice(0, 4)) - rules.oldest;
  const { postalPrefix } = rules;
  const likeness = await measureLikeness(context.session, {
    access: accessOf(context),
    least,
    postalPrefix,
    firstYear,
    moment,
  });
  const codes = await measuredCodes(context, { least, moment });
  const report: ResearchReport = { project: name, dates, least, ...likeness, ...codes };
  return JSON.parse(JSON.stringify(report)) as JsonObject;
}
