/** A version → the messages that the rules of an interface make of it. */
import { outcomeError, OutcomeError } from '../../fhir/outcome.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { typeName } from '../../fhir/resource-types.ts';
import { charsetLabel, encodeEscaped } from '../../hl7v2/charset.ts';
import { withdrawalOf } from '../../hl7v2/outgoing.ts';
import { accessOf } from '../../interactions/access.ts';
import { areVisible } from '../../interactions/as-if.ts';
import { parseStored } from '../../interactions/document.ts';
import { newId } from '../../interactions/new-id.ts';
import { searchParametersOf } from '../../interactions/search-parameters.ts';
import type { Context } from '../../request.ts';
import { parseSearch } from '../../search/parse.ts';
import { readVersions } from '../../store/history.ts';
import type { Stored } from '../../store/read.ts';
import { makeMessage } from '../../translation/out/messages.ts';
import type { Source, Writing } from '../../translation/out/source.ts';
import type { Outgoing } from '../enqueue.ts';
import { gather } from './gather.ts';
import type { Served } from './interfaces.ts';
import type { Outbound, SendRule } from './outbound-settings.ts';
import { isWithdrawn, reportsOf, withdrawnRoots, type Root } from './withdrawn.ts';

/** An interface that sends. */
export interface ServedOut extends Served {
  readonly interface: Served['interface'] & { readonly out: Outbound };
}

export function nameOf(stored: Stored | undefined): string {
  return stored === undefined ? '' : `${typeName(stored.type)}/${stored.id}/_history/${stored.version}`;
}

export interface Made {
  readonly messages: readonly Outgoing[];
  readonly problems: readonly string[];
}

export async function messagesOf(context: Context, served: ServedOut, stored: Stored): Promise<Made> {
  const messages: Outgoing[] = [];
  const made = new Set<string>();
  const withdrawing = isWithdrawn(stored);
  const problems: string[] = [];
  for (const rule of served.interface.out.send) {
    try {
      for (const root of await rootsOf(context, served, { rule, stored })) {
        const message = await messageFor(context, served, { rule, root, withdrawing });
        // Two rules may ask for one message.
        const key = `${message?.type} ${message?.source}`;
        if (message === undefined || made.has(key)) continue;
        made.add(key);
        messages.push(message);
      }
    } catch (error) {
      if (isPassing(error)) throw error;
      if (!(error instanceof OutcomeError)) context.server.log.error({ err: error }, 'a message cannot be made');
      problems.push(`${rule.message}: ${error instanceof OutcomeError ? error.message : 'the server failed.'}`);
    }
  }
  return { messages, problems };
}

interface Change {
  readonly rule: SendRule;
  readonly stored: Stored;
}

/** What the messages of a rule are made of. */
async function rootsOf(context: Context, served: ServedOut, { rule, stored }: Change): Promise<Root[]> {
  const type = typeName(stored.type);
  if (stored.text !== null && rule.criteria.split('?')[0] === type && (await isFor(context, rule, stored))) {
    const versions = type === 'Observation' ? await reportsOf(context, stored) : [stored];
    return versions.map((one) => ({ stored: one, resource: parseStored(one.text ?? '{}') }));
  }
  return withdrawnRoots(context, served, { rule, stored, isFor });
}

/** The first version; of a visit the first that meets the rule, as it is no other visit before. */
async function isNew(context: Context, rule: SendRule, { type, rid, version }: Stored): Promise<boolean> {
  if (typeName(type) !== 'Encounter' || version === 1) return version === 1;
  const [before] = await readVersions(context.session, [{ rid, version: version - 1 }]);
  return before?.text == null || !(await isFor(context, rule, before));
}

async function messageFor(
  context: Context,
  served: ServedOut,
  { rule, root, withdrawing }: { readonly rule: SendRule; readonly root: Root; readonly withdrawing: boolean },
): Promise<Outgoing | undefined> {
  const { stored, resource } = root;
  const created = await isNew(context, rule, stored);
  const source = await gather(context, resource, { created, withdrawing, visit: rule.message.startsWith('ADT^') });
  return messageOf(served, { rule, stored, source: { ...source, withdrawn: isWithdrawn(stored) } });
}

/** The database is away: no fault of the change. */
function isPassing(error: unknown): boolean {
  const codes = new Set(['transient', 'no-store', 'lock-error', 'timeout', 'throttled']);
  return error instanceof OutcomeError && error.issues.some(({ code }) => codes.has(code));
}

/** Whether a version meets the criteria of a rule, and the interface may see it. */
async function isFor(context: Context, { criteria }: SendRule, stored: Stored): Promise<boolean> {
  const access = accessOf(context, 'r');
  const [seen] = await areVisible(context, [stored], access);
  const [type = '', query = ''] = criteria.split(/\?(.*)/s);
  if (seen !== true || query === '') return seen === true;
  try {
    const asked = [...new URLSearchParams(query)];
    const { condition } = parseSearch(type, asked, { parameters: searchParametersOf(context), access });
    const [meets] = await areVisible(
      context,
      [stored],
      Object.assign(() => condition, { within: access }),
    );
    return meets === true;
  } catch (error) {
    if (isPassing(error) || !(error instanceof OutcomeError)) throw error;
    throw outcomeError('transient', `A rule of an interface cannot be followed: ${error.message}`);
  }
}

interface Making {
  readonly rule: SendRule;
  readonly source: Source;
  readonly stored: Stored;
}

function messageOf({ tenant, interface: own }: ServedOut, { rule, source, stored }: Making): Outgoing | undefined {
  const { out } = own;
  const from = { application: out.ownApplication || 'MAKHBAR', facility: out.ownFacility || tenant.name };
  const writing: Writing = {
    version: out.version,
    zone: own.zone ?? tenant.settings.timezone ?? 'UTC',
    authorities: Object.fromEntries(Object.entries(own.systems).map(([authority, system]) => [system, authority])),
    from,
    to: { application: out.toApplication, facility: out.toFacility },
    acknowledgement: out.acknowledgement,
    charset: charsetLabel(own.charset),
    now: new Date().toISOString(),
    // As long as versions before 2.7 allow.
    controlId: newId().replaceAll('-', '').slice(0, 20),
  };
  const type = source.withdrawn === true ? withdrawalOf(typeName(stored.type), rule.message) : rule.message;
  const text = makeMessage(type, source, writing);
  if (text === undefined) return undefined;
  return {
    protocol: 'hl7v2',
    type,
    sender: `${from.application}|${from.facility}`,
    controlId: writing.controlId,
    charset: own.charset,
    raw: encodeEscaped(text, own.charset),
    source: nameOf(stored),
    patients: patientsOf(source.root),
  };
}

function patientsOf(root: JsonObject): string[] {
  if (root['resourceType'] === 'Patient') return [String(root['id'])];
  const { subject } = root as { subject?: { reference?: string } };
  const [, id] = /^Patient\/([^/]+)/.exec(subject?.reference ?? '') ?? [];
  return id === undefined ? [] : [id];
}
