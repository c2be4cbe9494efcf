/**
 * What an erasure would do: which resources go, which are kept by a rule, which lose a reference or old versions, and what
 * still names the patient afterwards. Reads only; the same plan is told by a dry run and carried out by an erasure.
 *
 * What goes grows until nothing is added: a Provenance goes after its last target, a Binary after what named it.
 */
import { OutcomeError } from '../fhir/outcome.ts';
import { cloneJson, type JsonObject } from '../fhir/json.ts';
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import { opened } from '../interactions/binary-sealed.ts';
import { parseStored } from '../interactions/document.ts';
import { prepare, type Prepared } from '../interactions/prepare.ts';
import type { Context } from '../request.ts';
import { readWhole, referrerRids, ridsOf, type Whole } from '../store/erasure-search.ts';
import { belongingOf } from './erase-belonging.ts';
import type { Keeping } from './erase-keep.ts';
import { maskReferences } from './erase-references.ts';
import { binariesIn, holdsWords, namesIn, type Subject } from './erase-subject.ts';

export interface Item {
  readonly rid: string;
  readonly type: number;
  readonly id: string;
}

export interface Left {
  readonly name: string;
  readonly why: string;
}

export interface Plan {
  readonly erased: readonly Item[];
  readonly kept: readonly Item[];
  /** New versions of resources that stay, without the references. */
  readonly masked: readonly Prepared[];
  /** Versions of resources that stay, which named the patient. */
  readonly versions: readonly { readonly rid: string; readonly version: number }[];
  readonly left: readonly Left[];
  /** Ids of the Binaries that were named by what goes. */
  readonly binaries: readonly string[];
}

export interface Asked {
  readonly subject: Subject;
  readonly keeping: Keeping;
  /** What may name the patient. */
  readonly rids: readonly string[];
  /** What names any of these Binaries; without, no Binary goes because of who names it. */
  readonly sharing?: { readonly binaries: ReadonlySet<string>; readonly rids: readonly string[] };
}

/** Of a resource, what is needed to decide about it. */
interface Known extends Item {
  readonly deleted: boolean;
  readonly version: number;
  /** The last version that is no deletion. */
  readonly resource: JsonObject | undefined;
  readonly text: string;
  readonly binaries: readonly string[];
  /** Versions that name the patient, all but the current one. */
  readonly naming: readonly number[];
  /** The current version names him. */
  readonly namesNow: boolean;
}

interface Work extends Asked {
  readonly context: Context;
  readonly going: Map<string, Known>;
  readonly kept: Map<string, Known>;
  readonly staying: Map<string, Known>;
  /** `Type/id` of those that go. */
  readonly names: Set<string>;
  readonly sharers: readonly Known[];
}

export async function planErasure(context: Context, asked: Asked): Promise<Plan> {
  const sharers = await read(context, asked.subject, asked.sharing?.rids ?? []);
  const work: Work = {
    ...asked,
    context,
    sharers,
    going: new Map(),
    kept: new Map(),
    staying: new Map(),
    names: new Set(),
  };
  let next = asked.rids;
  while (next.length > 0) {
    const found = await read(
      context,
      asked.subject,
      next.filter((rid) => !isKnown(work, rid)),
    );
    found.forEach((one) => work.staying.set(one.rid, one));
    const gone = settle(work);
    next = [...(await referrerRids(context.session, gone)), ...(await files(work, gone))].filter(
      (rid) => !isKnown(work, rid),
    );
  }
  return planOf(work);
}

function isKnown({ going, kept, staying }: Work, rid: string): boolean {
  return going.has(rid) || kept.has(rid) || staying.has(rid);
}

/** Resources at a time: each may have many versions. */
const chunk = 200;

async function read(context: Context, subject: Subject, rids: readonly string[]): Promise<Known[]> {
  const known: Known[] = [];
  const distinct = [...new Set(rids)];
  for (let i = 0; i < distinct.length; i += chunk) {
    const whole = await readWhole(context.session, distinct.slice(i, i + chunk));
    for (const one of whole) {
      const last = await opened(context, { type: one.type, id: one.id, text: lastText(one) ?? null });
      known.push(knownOf(subject, one, last.text));
    }
  }
  return known;
}

function lastText({ versions }: Whole): string | undefined {
  return versions.findLast(({ text }) => text !== null)?.text ?? undefined;
}

/** `last`: the text of its last version that was no deletion. */
function knownOf(subject: Subject, { rid, type, id, deleted, version, versions }: Whole, last: string | null): Known {
  const texts = versions.flatMap((one) => (one.text === null ? [] : [{ version: one.version, text: one.text }]));
  const naming = texts.filter(({ text }) => namesIn(subject, parseStored(text)).has(`Patient/${subject.patient}`));
  return {
    rid,
    type,
    id,
    deleted,
    version,
    resource: last === null ? undefined : parseStored(last),
    text: last ?? '',
    binaries: [...new Set(texts.flatMap(({ text }) => binariesIn(text)))],
    naming: naming.map((one) => one.version).filter((one) => deleted || one !== version),
    namesNow: !deleted && naming.some((one) => one.version === version),
  };
}

/** Moves what goes out of what stays, again and again; gives what was moved and is not kept. */
function settle(work: Work): Known[] {
  const gone: Known[] = [];
  for (let moved = true; moved;) {
    moved = false;
    for (const one of work.staying.values()) {
      const goes = one.resource !== undefined && belongingOf(work.subject, one.resource, work.names) === 'goes';
      if (!goes && !isLoneFile(work, one)) continue;
      moved = true;
      work.staying.delete(one.rid);
      const isKept = work.keeping.types.has(typeName(one.type));
      (isKept ? work.kept : work.going).set(one.rid, one);
      if (isKept) continue;
      work.names.add(nameOf(one));
      gone.push(one);
    }
  }
  return gone;
}

/** A Binary that something named which goes, and nothing that stays. */
function isLoneFile({ going, kept, staying, sharers, sharing }: Work, { type, id }: Known): boolean {
  if (typeName(type) !== 'Binary' || sharing === undefined || !sharing.binaries.has(id)) return false;
  const others = [...sharers, ...kept.values(), ...staying.values()].filter(({ rid }) => !going.has(rid));
  return !others.some(({ binaries }) => binaries.includes(id));
}

/** The Binaries that these named. */
async function files({ context, sharing }: Work, gone: readonly Known[]): Promise<string[]> {
  const ids = [...new Set(gone.flatMap(({ binaries }) => binaries))].filter((id) => sharing?.binaries.has(id) === true);
  return ridsOf(
    context.session,
    ids.map((id) => ({ type: binaryType, id })),
  );
}

const binaryType = typeNumber('Binary') ?? -1;

function nameOf({ type, id }: Item): string {
  return `${typeName(type)}/${id}`;
}

function planOf(work: Work): Plan {
  const masked: Prepared[] = [];
  const versions: { rid: string; version: number }[] = [];
  const left: Left[] = [];
  for (const one of work.staying.values()) {
    const { prepared, why } = remainder(work, one);
    if (prepared !== undefined) masked.push(prepared);
    if (why !== undefined) left.push({ name: nameOf(one), why });
    if (prepared !== undefined || (!one.namesNow && typeName(one.type) !== 'Binary')) {
      const now = prepared !== undefined && one.namesNow ? [one.version] : [];
      versions.push(...[...one.naming, ...now].map((version) => ({ rid: one.rid, version })));
    }
  }
  return {
    erased: [...work.going.values()],
    kept: [...work.kept.values()],
    masked,
    versions,
    left,
    binaries: [...new Set([...work.going.values()].flatMap((one) => one.binaries))],
  };
}

interface Remainder {
  readonly prepared?: Prepared;
  /** Why it still names the patient. */
  readonly why?: string;
}

/** What becomes of a resource that stays. */
function remainder(
  { subject, names, context }: Work,
  { resource, deleted, version, text, namesNow, id }: Known,
): Remainder {
  if (resource === undefined || deleted) return {};
  const belonging = belongingOf(subject, resource, names);
  if (belonging === 'record') return { why: 'It is the record of a request or a review.' };
  if (belonging === 'none') return holdsWords(subject, text) ? { why: 'Its text may name the patient.' } : {};
  if (resource['resourceType'] === 'Bundle') return { why: 'It holds resources of several patients.' };
  const changed = cloneJson(resource);
  if (maskReferences(subject, changed, names) === 0)
    return namesNow ? { why: 'It names the patient, who is kept.' } : {};
  try {
    const prepared: Prepared = {
      ...prepare(context, changed, { id, method: 'PUT', expect: version }),
      authority: 'operation',
    };
    return holdsWords(subject, prepared.entry.content ?? '')
      ? { prepared, why: 'Its text may name the patient.' }
      : { prepared };
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    return { why: 'Without the reference it would not be valid.' };
  }
}
