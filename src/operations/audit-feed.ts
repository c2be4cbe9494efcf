/**
 * Feeds: where the audit log goes (src/forwarding/), for those who manage settings (manage/settings). All at system level.
 *
 *   GET  [base]/$audit-feed-list                                      200: feed (0..*)
 *   POST [base]/$audit-feed-set     name kind address authority? certificate? key? token? batch? active? from?
 *                                                                     200: feed
 *   POST [base]/$audit-feed-delete  name                              200: feed (those that are left)
 *
 * kind: fhir (address https://…) or syslog (tls://host:port). authority, certificate and key are PEM. What is set takes the
 * place of what was, secrets too; secrets are not shown. from: now (a new feed begins with the next event) or beginning.
 *
 * The log tells much about patients: who sends it elsewhere must be allowed to read all of it, and show a fresh second
 * factor. Only the operator sends it into networks that are not public.
 */
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { feedSettings } from '../forwarding/feed-definition.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { deleteFeed, listFeeds, putFeed, waitingEvents, type Feed } from '../store/audit-feeds.ts';
import type { Session } from '../store/pool.ts';
import { administrationOf, optional, recorded, required, yesOrNo } from './administer.ts';
import { checkWholeLog } from './audit-period.ts';
import { operationInput, type Input } from './parameters.ts';

export async function feedList(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  return await answer(context, await listFeeds(context.session));
}

const ofSet = ['name', 'kind', 'address', 'authority', 'certificate', 'key', 'token', 'batch', 'active', 'from'];

/** A guess that no laboratory reaches. */
const mostFeeds = 8;

export async function feedSet(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ofSet);
  checkWholeLog(context.caller, '$audit-feed-set');
  const { tenant, by } = administrationOf(context);
  const { database } = context.server;
  const keyEncryptionKey = context.server.config.keyEncryptionKey();
  const { operator } = context.caller;
  const settings = await feedSettings({ database, tenant, keyEncryptionKey }, definitionOf(input), {
    internal: operator,
  });
  const before = await listFeeds(context.session);
  if (before.length >= mostFeeds && !before.some(({ name }) => name === settings.name)) {
    throw outcomeError('too-costly', `A laboratory has at most ${mostFeeds} feeds.`, { status: 400 });
  }
  await recorded(
    context,
    (session) => putFeed(session, settings, { by, fromBeginning: startOf(input) }),
    () => thing('setting', `audit feed ${settings.name}`),
  );
  const feeds = await listFeeds(context.session);
  return await answer(
    context,
    feeds.filter(({ name }) => name === settings.name),
  );
}

function definitionOf(input: Input): Parameters<typeof feedSettings>[1] {
  return {
    name: required(input, 'name'),
    kind: required(input, 'kind'),
    address: required(input, 'address'),
    authority: optional(input, 'authority'),
    certificate: optional(input, 'certificate'),
    key: optional(input, 'key'),
    token: optional(input, 'token'),
    batch: optional(input, 'batch'),
    active: input.texts('active').length === 0 || yesOrNo(input, 'active'),
  };
}

function startOf(input: Input): boolean {
  const from = optional(input, 'from') ?? 'now';
  if (from === 'now' || from === 'beginning') return from === 'beginning';
  throw outcomeError('invalid', 'from is now or beginning.', { status: 400 });
}

export async function feedDelete(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['name']);
  checkWholeLog(context.caller, '$audit-feed-delete');
  administrationOf(context);
  const name = required(input, 'name');
  const remove = async (session: Session): Promise<void> => {
    if (await deleteFeed(session, name)) return;
    throw outcomeError('not-found', `There is no audit feed "${name.slice(0, 40)}".`);
  };
  await recorded(context, remove, () => thing('setting', `audit feed ${name}`));
  return await answer(context, await listFeeds(context.session));
}

/** Counting further would cost more than it tells. */
const mostCounted = 10_000;

async function answer({ session }: Context, feeds: readonly Feed[]): Promise<Answer> {
  const parameter: JsonObject[] = [];
  for (const feed of feeds) parameter.push(feedPart(feed, await waitingEvents(session, feed, mostCounted)));
  return { status: 200, resource: { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) } };
}

function feedPart(feed: Feed, waiting: number): JsonObject {
  const { name, kind, address, batch, active, delivered, lastSuccess, behind, stalled, failure, created } = feed;
  const instant = (what: string, value: string | undefined): JsonObject[] =>
    value === undefined ? [] : [{ name: what, valueInstant: value }];
  return {
    name: 'feed',
    part: [
      { name: 'name', valueString: name },
      { name: 'kind', valueCode: kind },
      { name: 'address', valueUrl: address },
      { name: 'batch', valuePositiveInt: batch },
      { name: 'active', valueBoolean: active },
      { name: 'delivered', valueString: String(delivered) },
      { name: 'waiting', valueUnsignedInt: waiting },
      ...instant('lastSuccess', lastSuccess),
      ...instant('behind', behind),
      ...instant('stalled', stalled),
      ...(failure === undefined ? [] : [{ name: 'failure', valueString: failure }]),
      { name: 'created', valueInstant: created },
      { name: 'createdBy', valueString: feed.createdBy },
    ],
  };
}
