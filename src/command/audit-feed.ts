/** `makhbar audit feed set|list|delete`: where the audit log of a laboratory goes, for the person who runs the machine. */
import { thing } from '../audit/security.ts';
import type { Config } from '../config.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { feedSettings } from '../forwarding/feed-definition.ts';
import { sessionOf } from '../store/accounts.ts';
import { deleteFeed, listFeeds, putFeed, skipEvent, waitingEvents, type Feed } from '../store/audit-feeds.ts';
import type { Database, Session } from '../store/pool.ts';
import { findTenant, type Tenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { noting, type Noted } from './note.ts';
import { contentOf } from './content.ts';

export interface SetFeedOptions extends Output {
  kind: string;
  address: string;
  authority?: string;
  certificate?: string;
  key?: string;
  token?: string;
  batch: string;
  fromBeginning?: boolean;
  paused?: boolean;
}

export async function setFeedCommand(tenant: string, name: string, options: SetFeedOptions): Promise<void> {
  const { kind, address, batch, authority, certificate, key, token, fromBeginning = false, paused = false } = options;
  await within(tenant, async ({ database, tenant: { id }, config }) => {
    const settings = await feedSettings(
      { database, tenant: id, keyEncryptionKey: config.keyEncryptionKey() },
      {
        ...{ name, kind, address, batch, active: !paused },
        authority: contentOf(authority),
        certificate: contentOf(certificate),
        key: contentOf(key),
        token: contentOf(token)?.trim(),
      },
      { internal: true },
    );
    await noting(database, { id }, noted('set'), {
      work: (session) => putFeed(session, settings, { by: 'operator', fromBeginning }),
      further: () => [thing('setting', `audit feed ${name}`)],
    });
  });
  print(options, { name, kind, address }, `${name} is set: ${kind} to ${address}.`);
}

function noted(deed: 'set' | 'delete' | 'skip'): Noted {
  return { kind: 'settings-changed', deed: `makhbar audit feed ${deed}` };
}

export async function deleteFeedCommand(tenant: string, name: string, options: Output): Promise<void> {
  await within(tenant, async ({ database, tenant: { id } }) => {
    const work = async (session: Session): Promise<void> => {
      if (await deleteFeed(session, name)) return;
      throw outcomeError('not-found', `There is no audit feed "${name}" of ${tenant}.`);
    };
    await noting(database, { id }, noted('delete'), { work, further: () => [thing('setting', `audit feed ${name}`)] });
  });
  print(options, { name }, `${name} is deleted.`);
}

/** For an event that the receiver refuses for ever; that it was left out is in the log. */
export async function skipFeedCommand(tenant: string, name: string, options: Output): Promise<void> {
  const event = await within(tenant, async ({ database, tenant: { id } }) => {
    const work = async (session: Session): Promise<string> => {
      const skipped = await skipEvent(session, name);
      if (skipped !== undefined) return skipped;
      throw outcomeError('not-found', `Nothing waits in an audit feed "${name}" of ${tenant}.`);
    };
    const further = (skipped: string): ReturnType<typeof thing>[] => [
      thing('setting', `audit feed ${name}`),
      thing('setting', `without AuditEvent/${skipped}`),
    ];
    return await noting(database, { id }, noted('skip'), { work, further });
  });
  print(options, { name, event }, `${name} goes on without AuditEvent/${event}.`);
}

/** Counting further would cost more than it tells. */
const mostCounted = 10_000;

export async function listFeedsCommand(tenant: string, options: Output): Promise<void> {
  const feeds = await within(tenant, async ({ database, tenant: { id } }) => {
    const session = sessionOf(database, id);
    const shown: object[] = [];
    for (const feed of await listFeeds(session))
      shown.push(forMachines(feed, await waitingEvents(session, feed, mostCounted)));
    return shown;
  });
  const text = feeds.map((feed) =>
    Object.entries(feed)
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
  );
  print(options, feeds, text.length === 0 ? 'There is no feed yet.' : text.join('\n'));
}

function forMachines(feed: Feed, waiting: number): object {
  const { name, kind, address, active, delivered, lastSuccess, behind, stalled, failure } = feed;
  return { name, kind, address, active, delivered, waiting, ...{ lastSuccess, behind, stalled, failure } };
}

interface Place {
  readonly database: Database;
  readonly config: Config;
  readonly tenant: Tenant;
}

async function within<T>(name: string, work: (place: Place) => Promise<T>): Promise<T> {
  return await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    return await work({ database, config, tenant });
  });
}
