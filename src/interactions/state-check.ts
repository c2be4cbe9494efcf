/**
 * Plain writes keep to the laboratory's tables of states (laboratory/kept.ts), whichever way they come: create, update, patch,
 * delete, their conditional forms, an entry of a Bundle, a message, a line of an import.
 *
 * 1. Operations of the laboratory and of the data protection officer say of what they write that they keep the tables
 *    themselves (`Change.authority`).
 * 2. What the laboratory leads on is checked with its row locked, in the transaction that writes it.
 */
import type { JsonObject } from '../fhir/json.ts';
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import { checkPlainWrite, isLed, ledTypes } from '../laboratory/kept.ts';
import { objects } from '../laboratory/terms.ts';
import type { Context } from '../request.ts';
import { readManyLocked, type Stored } from '../store/read.ts';
import type { WriteEntry } from '../store/write.ts';
import type { Change } from './commit.ts';
import { current } from './current.ts';
import { parseStored } from './document.ts';

const orderType = typeNumber('ServiceRequest') ?? -1;

const led: ReadonlySet<number> = new Set(ledTypes.map((type) => typeNumber(type) ?? -1));

/**
 * Whether a write of one resource must be a transaction: it meets what the laboratory leads on. Checks it where nothing is
 * there that could be. What becomes the laboratory's between this and the write was not it when the write was asked for.
 */
export async function meetsLed(context: Context, change: Change): Promise<boolean> {
  if (!isChecked(context, change)) return false;
  const { entry } = change;
  const stored = entry.fresh === true ? undefined : await current(context, entry);
  const before = contentOf(stored);
  if (before !== undefined && (isLed(before) || isFollowed(entry, before))) return true;
  check(context, change, stored);
  return false;
}

/**
 * @returns orders as they are written, whose status is another then
 * @throws OutcomeError `conflict` or `business-rule` where one is against the table of its states.
 */
export async function checkStates(context: Context, changes: readonly Change[]): Promise<JsonObject[]> {
  const checked = changes.filter((change) => isChecked(context, change));
  const keys = checked.flatMap(({ entry }) => (entry.fresh === true ? [] : [entry]));
  const stored = new Map(
    (await readManyLocked(context.session, keys)).map((one) => [`${one.type}/${one.id}`, one] as const),
  );
  const storedOf = ({ entry }: Change): Stored | undefined => stored.get(`${entry.type}/${entry.id}`);
  checked.forEach((change) => check(context, change, storedOf(change)));
  return checked.flatMap((change) => movedOrder(change, storedOf(change)));
}

/** Tests of an order, and specimens, follow it: it is of the catalogue, or was accessioned (as the order of a panel). */
function isFollowed({ type }: WriteEntry, before: JsonObject): boolean {
  return type === orderType && (isLed(before) || objects(before['specimen']).length > 0);
}

function movedOrder({ entry, resource, authority }: Change, stored: Stored | undefined): JsonObject[] {
  if (entry.type !== orderType || authority !== undefined || resource === undefined || stored === undefined) return [];
  const before = contentOf(stored);
  if (before === undefined || !isFollowed(entry, before) || isVain(entry, stored)) return [];
  return before['status'] === resource['status'] ? [] : [{ ...resource, id: entry.id }];
}

function isChecked({ ofRequest }: Context, { entry, authority }: Change): boolean {
  return led.has(entry.type) && authority !== 'operation' && ofRequest !== true;
}

function check({ caller }: Context, { entry, resource, authority }: Change, stored: Stored | undefined): void {
  const before = contentOf(stored);
  // It will not be written.
  if (stored !== undefined && isVain(entry, stored)) return;
  const moves = caller.roles.includes('interface') && caller.client.startsWith('Endpoint/');
  checkPlainWrite({
    name: `${typeName(entry.type)}/${entry.id}`,
    before,
    after: resource,
    moves,
    brings: moves || authority === 'import',
  });
}

function isVain({ expect }: WriteEntry, { version, text }: Stored): boolean {
  if (typeof expect === 'number') return expect !== version;
  return expect === 'absent' && text !== null;
}

function contentOf(stored: Stored | undefined): JsonObject | undefined {
  return stored === undefined || stored.text === null ? undefined : parseStored(stored.text);
}
