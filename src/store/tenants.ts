/**
 * The laboratories on this server. Read and written outside every tenant, under the login role: the application role
 * cannot see this table.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { instantText, type Database } from './pool.ts';
import type { SearchState } from './search-parameters.ts';
import { sql } from './sql.ts';

export interface TenantSettings {
  /** May clients choose ids by PUT (update as create)? Default true for callers with a create scope. */
  clientIds?: boolean;
  /** Must an update name the version it replaces (If-Match)? Default false. */
  requireIfMatch?: boolean;
  /** Must a reference to a resource of this server exist when it is written? Default false. */
  referentialIntegrity?: boolean;
  /** The limits of a row of access/plans.ts; the settings after it take the place of one. Unset: RATE_LIMIT alone. */
  plan?: string;
  /** Requests a minute and caller; 0 = no limit. */
  rateLimit?: number;
  /** Requests a minute of all signed-in callers together; 0 = no limit. */
  totalRateLimit?: number;
  /** Bytes of JSON of all versions and of all files; 0 = no limit. */
  storageLimit?: number;
  /** Exports at the same time; 0 = no limit. */
  exportConcurrency?: number;
  /** May one conditional delete remove several resources? Default false. */
  multipleDelete?: boolean;
  /** How long a person's access token is good, 1 to 60 minutes. Default 5. */
  accessTokenMinutes?: number;
  /** May applications register themselves? Default false. */
  dynamicRegistration?: boolean;
  /** Address of the laboratory's logo (https). */
  logo?: string;
  /** The colour of its pages, #rrggbb. */
  colour?: string;
  /** Address of the laboratory's website (https). */
  website?: string;
  /** Pattern of accession numbers (laboratory/accession-number.ts). */
  accessionPattern?: string;
  /** Minutes for which a second factor is fresh enough to release results; 0 or unset: none is asked for. */
  releaseFactorMinutes?: number;
  /** Must somebody else than who entered a result review or release it? Default false. */
  fourEyes?: boolean;
  /** After a calibration or another reagent lot results are held until a control passes. */
  controlAfterChange?: boolean;
  /** Minutes in which a critical result is to be called, 1 to 60. Default 30. */
  criticalCallMinutes?: number;
  /** Who must call next where nobody did, one after the other: names of roles, references. Default pathologist. */
  criticalCallEscalation?: string[];
  /** IANA zone in which dates without zone are read. Default UTC. */
  timezone?: string;
  /** What holds for a patient whose consents do not decide: permit (opt-out, the default) or deny (opt-in). */
  consentDefault?: 'permit' | 'deny';
  /** Who decides about the data, with how to reach him: the controller (GDPR Art. 30). */
  controller?: string;
  /** The data protection officer and how to reach him. */
  dataProtectionOfficer?: string;
  /** Where the data are, as the operator says: country codes of ISO 3166. */
  residency?: string[];
  /** Characters that a password has at least; 12 and more. Default 12. */
  passwordLength?: number;
  /** Folder, absolute, to whose file the seals of the audit log are published, instead of SEALS_DIR; '' = none. */
  sealFolder?: string;
  /** Address to which they are sent: https, or http on this machine; '' = none. */
  sealWebhook?: string;
  /** Names of the roles whose holders need a second factor; unset: as each role says (access/second-factor.ts). */
  secondFactorRoles?: string[];
}

export interface Tenant {
  readonly id: number;
  readonly name: string;
  readonly title: string;
  readonly status: 'active' | 'suspended';
  readonly settings: TenantSettings;
  readonly created: string;
  /** When the first Consent was written; undefined: there never was one. */
  readonly consents?: Date;
  /** Since when there are patients whose processing is restricted; undefined: there are none. */
  readonly restrictions?: Date;
  /** The search parameters besides R4's; without it, the product's. */
  readonly search?: SearchState;
}

interface Row {
  tenant_id: number;
  name: string;
  title: string;
  status: 'active' | 'suspended';
  settings: string;
  created: string;
  consents: string | null;
  restrictions: string | null;
}

const columns = sql`tenant_id, name, title, status, settings, created, consents, restrictions`;

function fromRow(row: Row): Tenant {
  const { tenant_id: id, name, title, status, created } = row;
  const settings = JSON.parse(row.settings) as TenantSettings;
  const marks = { ...mark('consents', row.consents), ...mark('restrictions', row.restrictions) };
  return Object.freeze({ id, name, title, status, created, settings, ...marks });
}

function mark(name: 'consents' | 'restrictions', since: string | null): Pick<Tenant, 'consents' | 'restrictions'> {
  return since === null ? {} : { [name]: new Date(instantText(since)) };
}

/** Names that are routes of the server itself. */
const reserved = new Set(['fhir', 'healthz', 'readyz', 'metrics', 'api', 'assets', 'www', 'admin', 'static']);

/**
 * Makes a laboratory.
 * @throws OutcomeError `invalid` where the name cannot stand in a URL, `duplicate` where it is taken.
 */
export async function createTenant(
  database: Pick<Database, 'operator'>,
  name: string,
  options: { title?: string; settings?: TenantSettings } = {},
): Promise<Tenant> {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name) || reserved.has(name)) {
    throw outcomeError(
      'invalid',
      `"${name}" cannot be the name of a laboratory: it must be lower-case letters, digits and hyphens, begin with a letter, have at most 63 characters and not be a reserved word.`,
    );
  }
  const rows = await database.operator<Row>(sql`
    insert into tenant (name, title, settings)
    values (${name}, ${options.title ?? name}, ${JSON.stringify(options.settings ?? {})})
    on conflict (name) do nothing
    returning ${columns}`);
  const [row] = rows;
  if (!row) {
    throw outcomeError('duplicate', `A laboratory named "${name}" exists already.`);
  }
  return fromRow(row);
}

export async function listTenants(database: Database): Promise<Tenant[]> {
  return (await database.operator<Row>(sql`select ${columns} from tenant order by name`)).map(fromRow);
}

export async function findTenant(database: Database, name: string): Promise<Tenant | undefined> {
  const [row] = await database.operator<Row>(sql`select ${columns} from tenant where name = ${name}`);
  return row && fromRow(row);
}

export async function findTenantById(database: Pick<Database, 'operator'>, id: number): Promise<Tenant | undefined> {
  const [row] = await database.operator<Row>(sql`select ${columns} from tenant where tenant_id = ${id}`);
  return row && fromRow(row);
}

/** @throws OutcomeError `not-found`. */
export async function setTenantStatus(
  database: Pick<Database, 'operator'>,
  name: string,
  status: 'active' | 'suspended',
): Promise<Tenant> {
  return changed(
    name,
    await database.operator<Row>(sql`
    update tenant set status = ${status} where name = ${name} returning ${columns}`),
  );
}

/** Merges settings; @throws OutcomeError `not-found`. */
export async function changeTenantSettings(
  database: Pick<Database, 'operator'>,
  name: string,
  settings: TenantSettings,
): Promise<Tenant> {
  return changed(
    name,
    await database.operator<Row>(sql`
    update tenant set settings = settings || ${JSON.stringify(settings)}::jsonb where name = ${name} returning ${columns}`),
  );
}

/** Takes settings back, so that the default holds again; @throws OutcomeError `not-found`. */
export async function unsetTenantSettings(
  database: Pick<Database, 'operator'>,
  name: string,
  settings: readonly string[],
): Promise<Tenant> {
  return changed(
    name,
    await database.operator<Row>(sql`
    update tenant set settings = settings - ${settings}::text[] where name = ${name} returning ${columns}`),
  );
}

function changed(name: string, rows: Row[]): Tenant {
  const [row] = rows;
  if (!row) {
    throw outcomeError('not-found', `There is no laboratory named "${name}".`);
  }
  return fromRow(row);
}
