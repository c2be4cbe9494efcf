/** The record of processing of a laboratory (GDPR Art. 30), read from the running system at this moment. */
import { shortestPassword } from '../access/authentication.ts';
import { demandsSecondFactor } from '../access/second-factor.ts';
import { limitsOf } from '../access/plans.ts';
import { accessReview } from '../accounts/access-review.ts';
import { allRoles } from '../accounts/administration.ts';
import type { Config } from '../config.ts';
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { categoryNames, categories, rulesWith, type CategoryName, type Rule } from '../retention/categories.ts';
import { holdings } from '../retention/catalog.ts';
import { listFeeds } from '../store/audit-feeds.ts';
import { endpoints } from '../store/endpoints.ts';
import { listClients } from '../store/clients.ts';
import type { Session } from '../store/pool.ts';
import { countResources, readGuards, readLogState, readStoredFacts } from '../store/processing.ts';
import { readHolds, readOwnRules } from '../store/retention.ts';
import { readRuns } from '../store/retention-runs.ts';
import { readSubProcessors, type SubProcessor } from '../store/sub-processors.ts';
import type { Tenant } from '../store/tenants.ts';
import { measuresOf, openMeasures, type Facts, type Measure } from './measures.ts';
import { activitiesOf, type Activity } from './purposes.ts';

export interface Asking {
  readonly session: Session;
  readonly tenant: Tenant;
  readonly config: Config;
  readonly now: number;
}

export interface Recipient {
  readonly kind: 'application' | 'interface' | 'log-feed';
  readonly name: string;
  readonly id: string;
  /** What it may ask for at most; where the log goes. */
  readonly scope: string;
  readonly since: string | undefined;
  /** Registered by itself. */
  readonly dynamic: boolean;
}

export interface KeptRule extends Rule {
  readonly category: CategoryName;
  readonly title: string;
  /** Whether the server removes it by itself. */
  readonly removes: boolean;
}

export interface ProcessingRecord {
  readonly laboratory: { readonly name: string; readonly title: string };
  /** FHIR instant. */
  readonly made: string;
  /** Undefined: the laboratory has not said. */
  readonly controller: string | undefined;
  readonly officer: string | undefined;
  readonly residency: readonly string[];
  readonly activities: readonly Activity[];
  readonly recipients: readonly Recipient[];
  readonly subProcessors: readonly SubProcessor[];
  /** Sub-processors in countries where the data are not said to be. */
  readonly transfers: readonly SubProcessor[];
  readonly rules: readonly KeptRule[];
  readonly measures: readonly Measure[];
  /** For the assessment of impact (Art. 35): its size, and the measures that are off or unknown. */
  readonly scale: { readonly patients: number; readonly records: number; readonly accounts: number };
  readonly risks: readonly Measure[];
}

export async function processingRecord(asking: Asking): Promise<ProcessingRecord> {
  const { session, tenant, now } = asking;
  const { settings } = tenant;
  const held = await countResources(session);
  const subProcessors = await readSubProcessors(session);
  const people = await accountsOf(asking);
  const measures = measuresOf(await factsOf(asking, people));
  const residency = settings.residency ?? [];
  return {
    laboratory: { name: tenant.name, title: tenant.title },
    made: new Date(now).toISOString(),
    controller: settings.controller,
    officer: settings.dataProtectionOfficer,
    residency,
    activities: activitiesOf(held),
    recipients: await recipientsOf(session),
    subProcessors,
    transfers: subProcessors.filter(({ country }) => !residency.includes(country)),
    rules: await rulesOf(session),
    measures,
    scale: {
      patients: held.find(({ type }) => type === 'Patient')?.count ?? 0,
      records: held.reduce((all, { count }) => all + count, 0),
      accounts: people.accounts,
    },
    risks: openMeasures(measures),
  };
}

interface People extends Pick<Facts, 'factorRoles' | 'factorAccounts'> {
  readonly accounts: number;
}

async function accountsOf({ session, tenant }: Asking): Promise<People> {
  const demanding = (await allRoles(session)).filter((role) =>
    demandsSecondFactor(role, tenant.settings.secondFactorRoles),
  );
  const names = demanding.map(({ name }) => name);
  const active = (await accessReview(session)).filter(({ account }) => account.status === 'active');
  const bound = active.filter(({ roles }) => roles.some(({ role }) => names.includes(role)));
  const enrolled = bound.filter(({ factors }) => factors.length > 0).length;
  return {
    accounts: active.length,
    factorRoles: names,
    factorAccounts: { with: enrolled, without: bound.length - enrolled },
  };
}

async function factsOf({ session, tenant: { settings }, config, now }: Asking, people: People): Promise<Facts> {
  const runs = await readRuns(session, 100);
  const declared = config.publicUrl?.startsWith('https:') === true;
  return {
    ...people,
    now,
    guards: await readGuards(session),
    log: await readLogState(session),
    stored: await readStoredFacts(session),
    tls: config.tls !== undefined ? 'served' : declared ? 'declared' : 'none',
    passwordLength: Math.max(shortestPassword, settings.passwordLength ?? shortestPassword),
    accessTokenMinutes: settings.accessTokenMinutes ?? 5,
    consentDefault: settings.consentDefault ?? 'permit',
    dynamicRegistration: settings.dynamicRegistration ?? false,
    rateLimit: limitsOf(settings, config.rateLimit).rateLimit,
    feeds: (await listFeeds(session)).filter(({ active }) => active).length,
    retained: runs.find(({ state }) => state === 'applied')?.finished,
    holds: (await readHolds(session)).length,
  };
}

async function recipientsOf(session: Session): Promise<Recipient[]> {
  const clients = (await listClients(session)).filter(({ status }) => status === 'active');
  const feeds = (await listFeeds(session)).filter(({ active }) => active);
  return [
    ...clients.map(({ id, name, scopes, created, metadata }): Recipient => {
      return { kind: 'application', id, name, scope: scopes, since: created, dynamic: metadata.dynamic === true };
    }),
    ...(await endpoints(session)).flatMap((text) => interfaceOf(JSON.parse(text) as JsonObject)),
    ...feeds.map(({ name, address, created }): Recipient => {
      return { kind: 'log-feed', id: name, name, scope: address, since: created, dynamic: false };
    }),
  ];
}

/** An Endpoint that is in use: an analyser, a hospital's system. */
function interfaceOf({ id, name, status, address, period }: JsonObject): Recipient[] {
  if (status !== 'active') return [];
  const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
  const { start } = (period ?? {}) as JsonObject;
  const since = start === undefined ? undefined : text(start);
  return [{ kind: 'interface', id: text(id), name: text(name ?? id), scope: text(address), since, dynamic: false }];
}

async function rulesOf(session: Session): Promise<KeptRule[]> {
  const own = await readOwnRules(session);
  const rules = rulesWith(
    new Map(own.map(({ category, period, basis }): [string, Rule] => [category, { period, basis }])),
  );
  return categoryNames.map((category) => {
    const { title } = categories[category];
    return { category, title, removes: holdings[category] !== undefined, ...rules[category] };
  });
}
