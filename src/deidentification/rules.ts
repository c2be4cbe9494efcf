/**
 * The rules by which patients are taken out of data, as data (rules.json). Pure.
 *
 * An element is named or it is left out: identifiers, names, addresses, telecom, narrative, notes, texts, displays,
 * attachments, extensions and contained resources are nowhere named. A name in small letters is what is done with a value
 * (values.ts); one with a capital is a datatype with rules of its own; `!` says that FHIR demands the element.
 */
import { outcomeError } from '../fhir/outcome.ts';
import given from './rules.json' with { type: 'json' };

export const deeds = [
  'area',
  'birthDate',
  'boolean',
  'code',
  'coding',
  'date',
  'instant',
  'integer',
  'quantity',
  'reference',
  'sharedCoding',
] as const;

export type Deed = (typeof deeds)[number];

export interface ElementRule {
  readonly name: string;
  readonly required: boolean;
  /** What is done with its value, or with each of its values … */
  readonly deed?: Deed;
  /** … or the rules of its members. */
  readonly members?: readonly ElementRule[];
  /** A concept whose codes were all left out says so. */
  readonly concept: boolean;
}

export interface CodeSystemRule {
  /** The whole address, or its beginning. */
  readonly address: string;
  readonly isPrefix: boolean;
  readonly codes: RegExp;
}

export interface Rules {
  readonly title: string;
  readonly version: string;
  /** Whoever is older is of no known age. */
  readonly oldest: number;
  /** Letters of a postal code that are left. */
  readonly postalPrefix: number;
  readonly codeSystems: readonly CodeSystemRule[];
  /** Code system → how long the codes of its categories are, the narrower first. */
  readonly categories: ReadonlyMap<string, readonly number[]>;
  /** Type → the element that names the patient; `id` for the patient. */
  readonly patients: ReadonlyMap<string, string>;
  readonly resources: ReadonlyMap<string, readonly ElementRule[]>;
}

type Written = string | { readonly [name: string]: Written };

const datatypes = given.datatypes as Readonly<Record<string, Written>>;

/** Datatypes of nothing but codes. */
const concepts: ReadonlySet<string> = new Set(['CodeableConcept', 'SharedConcept']);

function elements(written: Written, path: string): ElementRule[] {
  return Object.entries(written).map(([name, rule]) => element(name, rule as Written, `${path}.${name}`));
}

function element(name: string, written: Written, path: string): ElementRule {
  if (typeof written !== 'string') {
    return { name, required: false, members: elements(written, path), concept: false };
  }
  const [word = '', mark] = written.split(/(?=!$)/);
  const required = mark === '!';
  if ((deeds as readonly string[]).includes(word)) {
    return { name, required, deed: word as Deed, concept: word === 'coding' || word === 'sharedCoding' };
  }
  const datatype = datatypes[word];
  if (datatype === undefined) throw outcomeError('exception', `rules.json: ${path} is "${written}", which is no rule.`);
  return { name, required, members: elements(datatype, path), concept: concepts.has(word) };
}

export const rules: Rules = {
  title: given.title,
  version: given.version,
  oldest: given.oldest,
  postalPrefix: given.postalPrefix,
  codeSystems: Object.entries(given.codeSystems).map(([address, codes]) => ({
    address: address.replace(/\*$/, ''),
    isPrefix: address.endsWith('*'),
    codes: new RegExp(codes),
  })),
  categories: new Map(Object.entries(given.categories)),
  patients: new Map(Object.entries(given.patients)),
  resources: new Map(Object.entries(given.resources).map(([type, written]) => [type, elements(written, type)])),
};

/** In the order of the files. */
export const exportedTypes: readonly string[] = [...rules.resources.keys()];
