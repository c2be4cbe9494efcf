/**
 * A message explained: each of its fields by the name the standard gives it, with the meaning of its code, and what it
 * became; each resource that it became, element by element, with the fields that say so; and what nothing came of. Pure.
 */
import type { Problem } from '../hl7v2/acknowledge.ts';
import { unescapeText } from '../hl7v2/escape.ts';
import { readHeader } from '../hl7v2/header.ts';
import type { Message } from '../hl7v2/message.ts';
import { described, partOf, type Names, type Part } from '../hl7v2/names.ts';
import { elementsOf, traceEffects, type Traced } from './effects.ts';
import type { Leaf } from './leaves.ts';
import type { Settings, Translation, Unmapped } from './translation.ts';

/**
 * `became`: elements say what it says. `unused`: it was read and nothing differs without it. `ignored`: it was never read.
 * `decides`: the type of the message. `unfollowed`: it was read; the message is too long to say more.
 */
export type Fate = 'became' | 'unused' | 'ignored' | 'decides' | 'unfollowed';

export interface ExplainedField {
  /** `OBX[3]-5.1`: the third OBX, field 5, its first component. */
  readonly place: string;
  readonly name: string;
  readonly value: string;
  /** What the table of the field says of the code. */
  readonly meaning?: string;
  readonly fate: Fate;
  /** `Observation#3.valueQuantity.value`: of the third Observation that the message becomes. */
  readonly became: readonly string[];
}

export interface ExplainedSegment {
  /** `OBX[3]` */
  readonly place: string;
  readonly name: string;
  readonly fields: readonly ExplainedField[];
}

export interface ExplainedResource {
  /** `Observation#3` */
  readonly name: string;
  /** What else is done with it (translation.ts): what belongs to it moves with it, its links are taken away. */
  readonly deed?: 'joins' | 'moves' | 'unlinks';
  readonly elements: readonly { readonly path: string; readonly value: string; readonly from: readonly string[] }[];
}

export interface Explanation {
  /** `ORU^R01` */
  readonly type: string;
  readonly version: string;
  readonly segments: readonly ExplainedSegment[];
  readonly resources: readonly ExplainedResource[];
  readonly problems: readonly Problem[];
  readonly unmapped: readonly Unmapped[];
}

export interface Explaining {
  readonly settings: Settings;
  readonly names: Names;
  /** The meaning of a code of a table of HL7 v2. */
  readonly meaning: (table: number, code: string) => string | undefined;
  readonly breathe: () => Promise<void>;
}

/** Characters of a value that are shown: pictures and documents are longer. */
const shown = 1_000;

export async function explain(
  message: Message,
  { settings, names, meaning, breathe }: Explaining,
): Promise<Explanation> {
  const { code, event, version } = readHeader(message);
  const short = shortened(message);
  const { translation, traced } = await traceEffects(short, settings, breathe);
  const labels = labelsOf(translation);
  const places = placesOf(short);
  const bySegment = Map.groupBy(traced, ({ leaf }) => leaf.segment);
  const from = sourcesOf(traced, places);
  const about: About = { message: short, names, meaning, places, labels };
  return {
    type: [code, event].filter((part) => part !== '').join('^'),
    version,
    segments: [...bySegment].map(([index, fields]) => ({
      place: places[index] ?? '',
      name: described(names.segments, short.segments[index]?.name ?? '')?.name ?? '',
      fields: fields.map((one) => fieldOf(about, one)),
    })),
    resources: translation.entries.map(({ resource, parent, move, unlink }, entry) => ({
      name: labels[entry] ?? '',
      ...(parent && { deed: 'joins' as const }),
      ...(move && { deed: 'moves' as const }),
      ...(unlink && { deed: 'unlinks' as const }),
      elements: [...elementsOf(resource)].map(([path, value]) => ({
        path,
        value: cut(value),
        from: from.get(`${entry} ${path}`) ?? [],
      })),
    })),
    problems: translation.problems,
    unmapped: translation.unmapped,
  };
}

/** Long texts cut: what they say does not change what they become, and they would be copied for every field. */
function shortened({ delimiters, segments }: Message): Message {
  return {
    delimiters,
    segments: segments.map((segment) => {
      if (segment.text.length <= shown * 4) return segment;
      const text = segment.text
        .split(delimiters.field)
        .map((field) => (field.length <= shown * 4 ? field : shorter(field, delimiters.component)))
        .join(delimiters.field);
      return { ...segment, text };
    }),
  };
}

/** A multiple of four: of base64 whole groups are left. */
function shorter(field: string, component: string): string {
  return field
    .split(component)
    .map((part) => part.slice(0, shown * 4))
    .join(component);
}

function cut(value: string): string {
  return value.length <= shown ? value : `${value.slice(0, shown)}…`;
}

/** `OBX[3]`; the number is left out where there is one only. */
function placesOf({ segments }: Message): string[] {
  const counts = new Map<string, number>();
  const numbered = segments.map(({ name }) => {
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    return { name, nth };
  });
  return numbered.map(({ name, nth }) => (counts.get(name) === 1 ? name : `${name}[${nth}]`));
}

/** `Observation#3` */
function labelsOf({ entries }: Translation): string[] {
  const counts = new Map<string, number>();
  return entries.map(({ resource }) => {
    const type = String(resource['resourceType']);
    const nth = (counts.get(type) ?? 0) + 1;
    counts.set(type, nth);
    return `${type}#${nth}`;
  });
}

function placeOf(leaf: Leaf, places: readonly string[]): string {
  const { segment, field, repetition, component, subcomponent, composed, divided } = leaf;
  const whole = `${places[segment]}-${field}${repetition > 1 ? `[${repetition}]` : ''}`;
  if (!composed && component === 1 && !divided) return whole;
  return `${whole}.${component}${divided ? `.${subcomponent}` : ''}`;
}

/** By entry and path: the places that say it. */
function sourcesOf(traced: readonly Traced[], places: readonly string[]): Map<string, string[]> {
  const sources = new Map<string, string[]>();
  for (const { leaf, effects } of traced) {
    for (const { entry, path } of effects ?? []) {
      const key = `${entry} ${path}`;
      const known = sources.get(key);
      if (known === undefined) sources.set(key, [placeOf(leaf, places)]);
      else known.push(placeOf(leaf, places));
    }
  }
  return sources;
}

interface About extends Pick<Explaining, 'names' | 'meaning'> {
  readonly message: Message;
  readonly places: readonly string[];
  readonly labels: readonly string[];
}

function fieldOf(about: About, traced: Traced): ExplainedField {
  const { leaf, effects = [] } = traced;
  const { message, places, labels, meaning } = about;
  const parts = partsOf(about, leaf);
  const table = parts.at(-1)?.table;
  const value = unescapeText(leaf.text, message.delimiters);
  const text = table === undefined ? undefined : meaning(table, value);
  return {
    place: placeOf(leaf, places),
    name: parts.map(({ name }) => name).join(' · '),
    value: cut(value),
    ...(text !== undefined && { meaning: text }),
    fate: fateOf(message, traced),
    became: effects.map(({ entry, path }) => `${labels[entry]}.${path}`),
  };
}

function fateOf({ segments }: Message, { leaf, effects, read }: Traced): Fate {
  if (segments[leaf.segment]?.name === 'MSH' && leaf.field === 9) return 'decides';
  if (effects === undefined) return 'unfollowed';
  if (effects.length > 0) return 'became';
  return read ? 'unused' : 'ignored';
}

/** The field, its component and the part of that; each named as far as the standard does. */
function partsOf({ message, names }: About, leaf: Leaf): Part[] {
  const segment = message.segments[leaf.segment];
  const field = partOf(described(names.segments, segment?.name ?? ''), leaf.field);
  if (field === undefined) return [];
  // OBX-5 is of the type that OBX-2 says.
  const varies = field.type === 'VARIES' || field.type === '*' || field.type === 'varies';
  const typed = varies ? (segment?.text.split(message.delimiters.field)[2] ?? '') : field.type;
  const component = partOf(described(names.types, typed), leaf.component);
  if (component === undefined) return [field];
  const part = leaf.divided ? partOf(described(names.types, component.type), leaf.subcomponent) : undefined;
  const inner = [component, ...(part === undefined ? [] : [part])];
  // A plain text where components might be has the name of its field, and the table of its first component.
  if (leaf.composed || leaf.divided) return [field, ...inner];
  const table = field.table ?? component.table;
  return [{ ...field, ...(table !== undefined && { table }) }];
}
