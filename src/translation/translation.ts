/**
 * What a message becomes: resources, how each is found again, and what was wrong. Pure; the gateway applies it
 * (src/gateways/apply.ts) in one transaction.
 *
 * An element that is `null` is HL7's null: what is there is removed. An element that is absent is left as it is.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { Place, Problem } from '../hl7v2/acknowledge.ts';
import { merge } from './merge.ts';

export interface Settings {
  /** IANA zone of the sender, for times that name none. */
  readonly zone: string;
  /** Assigning authority as the sender names it → system of identifiers. */
  readonly systems: Readonly<Record<string, string>>;
  /** The coding that a local code is mapped to by the interface's ConceptMaps; undefined where it is not. */
  readonly mapped: (system: string, code: string) => JsonObject | undefined;
  /** Of an analyzer that speaks IHE LAW: what the laboratory knows of what its message names. */
  readonly analyzer?: Analyzer;
}

export interface Analyzer {
  /** Id of the interface. */
  readonly interface: string;
  /** A reference to the Device, where the interface names one. */
  readonly device: JsonObject | undefined;
  /** The order that OBR-2 names. */
  readonly order: (number: string) => AnalyzerOrder | undefined;
  /** The specimen of a number on its label. */
  readonly specimen: (number: string) => { readonly reference: JsonObject; readonly subject?: JsonObject } | undefined;
}

export interface AnalyzerOrder {
  readonly id: string;
  readonly subject?: JsonObject;
  readonly specimen?: JsonObject;
}

/** What a resource is found by where it is there already: an identifier, and a code where one number is given to several. */
export interface Found {
  readonly system: string;
  readonly value: string;
  readonly code?: { readonly system: string; readonly code: string };
}

export interface Entry {
  /** `urn:uuid:…`: how resources of the same message refer to it. */
  readonly fullUrl: string;
  readonly resource: JsonObject;
  /** Any of them finds it. */
  readonly found: readonly Found[];
  /** What is there already stays as it is: the message only refers to it. */
  readonly keep?: true;
  /** What is there already is changed; where nothing is there, nothing is made. */
  readonly change?: true;
  /** It has no identifier that the message names: a result that others are members of. */
  readonly parent?: Parent;
  /** Elements that say something only where it is new: nothing was said of them. */
  readonly initial?: readonly string[];
  /** Its links are taken away from what is there. */
  readonly unlink?: true;
  /** A visit, or the visits of an account, that were another patient's: what belongs to them moves with them. */
  readonly move?: Move;
}

export interface Move {
  /** The patient whose they were; none where the message does not say. */
  readonly from: readonly Found[];
  /** Of all his visits of this account, which the message does not name. */
  readonly account?: Found;
  /** For a problem where there is none. */
  readonly place: Place;
}

/** What a result of an earlier message is found by, besides the code and the subject of the resource. */
export interface Parent {
  /** How the identifier ends that our translation gave it: its code and sub-id. */
  readonly ended: string;
  /** Numbers of its order; where there are none, any order of the patient. */
  readonly orders: readonly Found[];
  /** What named it, for a problem where it is not found. */
  readonly place: Place;
}

/** A local code without a mapping: stored as it came, and told. */
export interface Unmapped {
  readonly system: string;
  readonly code: string;
  readonly display: string;
  readonly place: Place;
}

export interface Translation {
  readonly entries: readonly Entry[];
  /** Those of severity E make that nothing is applied. */
  readonly problems: readonly Problem[];
  readonly unmapped: readonly Unmapped[];
}

/** What else an entry says of itself. */
export type Only = Pick<Entry, 'keep' | 'change' | 'parent' | 'initial' | 'unlink' | 'move'>;

/** Collects what segments become. */
export interface Target {
  readonly settings: Settings;
  /** A reference to it. What has no criteria is made anew each time. */
  add(resource: JsonObject, found: readonly Found[], only?: 'keep' | 'change' | Only): JsonObject;
  /** The resource that a reference of `add` names. */
  resource(reference: JsonObject): JsonObject | undefined;
  problem(problem: Problem): void;
  unmapped(code: Unmapped): void;
}

/** @param newId makes a UUID for each resource */
export function newTarget(settings: Settings, newId: () => string): { target: Target; translation: Translation } {
  const entries: Entry[] = [];
  // Looked up, not searched through: a message may have ten thousand results.
  const byUrl = new Map<string, Entry>();
  const byFound = new Map<string, Entry>();
  const problems: Problem[] = [];
  const unmapped: Unmapped[] = [];
  const target: Target = {
    settings,
    add: (resource, found, only) => {
      const keys = found.map((one) => keyOf(resource, one));
      const same = keys.map((key) => byFound.get(key)).find((entry) => entry !== undefined);
      if (same !== undefined) {
        replace(same.resource, merge(same.resource, resource));
        return { reference: same.fullUrl };
      }
      const fullUrl = `urn:uuid:${newId()}`;
      const entry: Entry = { fullUrl, resource, found, ...(typeof only === 'string' ? { [only]: true } : only) };
      entries.push(entry);
      byUrl.set(fullUrl, entry);
      for (const key of keys) byFound.set(key, entry);
      return { reference: fullUrl };
    },
    resource: ({ reference }) => byUrl.get(String(reference))?.resource,
    problem: (problem) => problems.push(problem),
    unmapped: (code) => unmapped.push(code),
  };
  return { target, translation: { entries, problems, unmapped } };
}

/** Named twice in one message: what is said later counts, lists grow. */
function replace(resource: JsonObject, merged: JsonObject): void {
  for (const name of Object.keys(resource)) if (!(name in merged)) delete resource[name];
  Object.assign(resource, merged);
}

function keyOf({ resourceType }: JsonObject, { system, value, code }: Found): string {
  return JSON.stringify([resourceType, system, value, code?.system, code?.code]);
}
