/**
 * What each field of a message has an effect on: which elements of which resources say something else when the field does.
 * Pure.
 *
 * Decision: the message is translated again with one text changed, and what differs came from that text. Rejected: that
 * each translation tells where its elements come from, which is one more thing to be kept right in every line of it; here the
 * translation itself is the only witness, and one that is added later is explained too. A field that was never read
 * (Message.seen) is not changed: it has no effect.
 *
 * Links between resources of the message are left out: they follow from how segments stand to each other.
 */
import { numberText, type JsonObject, type JsonValue } from '../fhir/json.ts';
import type { Message } from '../hl7v2/message.ts';
import { leavesOf, withText, type Leaf } from './leaves.ts';
import { translate } from './messages.ts';
import type { Entry, Settings, Translation } from './translation.ts';

export interface Element {
  /** Index of the entry. */
  readonly entry: number;
  /** `name[0].family` */
  readonly path: string;
}

export interface Traced {
  readonly leaf: Leaf;
  /** Undefined where it was not followed: the message has too many. */
  readonly effects: readonly Element[] | undefined;
  /** Whether the translation has looked at its field. */
  readonly read: boolean;
}

/** Leaves of one message that are told of. */
const mostTold = 20_000;
/** Leaves that are followed, and segments that are translated for it in all: some seconds of work. */
const mostLeaves = 3_000;
const mostSegments = 50_000;

/** @param breathe lets others work: called between two translations */
export async function traceEffects(
  message: Message,
  settings: Settings,
  breathe: () => Promise<void>,
): Promise<{ translation: Translation; traced: Traced[] }> {
  const seen = new Set<string>();
  const translation = translated({ ...message, seen: (segment, field) => seen.add(`${segment} ${field}`) }, settings);
  const before = translation.entries.map(({ resource }) => elementsOf(resource));
  const most = Math.min(mostLeaves, mostSegments / Math.max(1, message.segments.length));
  const traced: Traced[] = [];
  let followed = 0;
  for (const leaf of leavesOf(message, mostTold)) {
    const read = seen.has(`${leaf.segment} ${leaf.field}`);
    // What MSH-9 says decides about all of it.
    const decides = message.segments[leaf.segment]?.name === 'MSH' && leaf.field === 9;
    if (!read || decides || followed >= most) {
      traced.push({ leaf, read, effects: read && !decides ? undefined : [] });
      continue;
    }
    followed++;
    await breathe();
    traced.push({ leaf, read, effects: effectsOf({ message, settings, translation, before }, leaf) });
  }
  return { translation, traced };
}

function translated(message: Message, settings: Settings): Translation {
  let made = 0;
  return translate(message, settings, () => `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`);
}

interface Before {
  readonly message: Message;
  readonly settings: Settings;
  readonly translation: Translation;
  readonly before: readonly ReadonlyMap<string, string>[];
}

/** Another text of the same kind first; nothing at all where that makes no difference. */
function effectsOf({ message, settings, translation, before }: Before, leaf: Leaf): Element[] {
  for (const text of [otherText(leaf.text, message.delimiters.escape), '']) {
    const { entries } = translated(withText(message, leaf, text), settings);
    const differing = translation.entries.flatMap((entry, index) => {
      const after = elementsOf(counterpart(entry, index, { entries, all: translation.entries })?.resource ?? {});
      return [...(before[index] ?? [])].flatMap(([path, value]) =>
        after.get(path) === value ? [] : [{ entry: index, path }],
      );
    });
    if (differing.length > 0) return differing;
  }
  return [];
}

/** The entry that an entry has become: in its place, or, where there are more or fewer now, the one found by the same. */
function counterpart(
  { resource, found }: Entry,
  index: number,
  { entries, all }: { entries: readonly Entry[]; all: readonly Entry[] },
): Entry | undefined {
  const type = resource['resourceType'];
  if (entries.length === all.length && entries[index]?.resource['resourceType'] === type) return entries[index];
  const ofType = entries.filter((one) => one.resource['resourceType'] === type);
  const same = ofType.find((one) =>
    one.found.some((other) => found.some(({ system, value }) => other.system === system && other.value === value)),
  );
  const before = all.slice(0, index).filter((one) => one.resource['resourceType'] === type).length;
  return same ?? ofType[before];
}

/** Of the same length and kinds of characters; what is an escape sequence stays one. */
export function otherText(text: string, escape: string): string {
  if (text.includes(escape)) return `${text}x`;
  const other = text.replaceAll(/[0-9A-Za-z]/g, (character) => {
    if (character === '9') return '0';
    if (character === 'z' || character === 'Z') return character === 'z' ? 'a' : 'A';
    return String.fromCharCode(character.charCodeAt(0) + 1);
  });
  return other === text ? `${text}x` : other;
}

/** The elements that have a value, by their paths, without links to other resources of the message. */
export function elementsOf(resource: JsonObject): Map<string, string> {
  const elements = new Map<string, string>();
  const walk = (value: JsonValue, path: string, holder: JsonObject | undefined, name: string): void => {
    if (Array.isArray(value)) value.forEach((item, i) => walk(item, `${path}[${i}]`, undefined, ''));
    else if (typeof value === 'object' && value !== null) {
      for (const [member, inner] of Object.entries(value)) {
        walk(inner, path === '' ? member : `${path}.${member}`, value, member);
      }
    } else if (!(typeof value === 'string' && value.startsWith('urn:uuid:'))) {
      const digits = typeof value === 'number' && holder !== undefined ? numberText(holder, name) : undefined;
      elements.set(path, value === null ? '' : (digits ?? String(value)));
    }
  };
  walk(resource, '', undefined, '');
  elements.delete('resourceType');
  return elements;
}
