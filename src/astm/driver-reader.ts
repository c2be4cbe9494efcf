/**
 * Reads a driver from its JSON, and refuses one that says what is not understood: a quirk that is misspelt would let wrong
 * values through without a word.
 *
 *   title      what it is for                     link       see `linkOf`           charset   as iconv-lite names it
 *   extends    a driver of which all holds here   decoder    see `decoderOf`        rules     see rules.ts
 *   why        for people                         pool       see pool.ts
 */
import iconv from 'iconv-lite';
import { decoderOf } from './decoders/settings.ts';
import { generic, type Driver } from './driver.ts';
import { checksum } from './frame.ts';
import { choice, list, optional, pattern, record, replacement, text, DriverFault, type Json } from './json.ts';
import { placeOf, type Place } from './place.ts';
import type { Pool } from './pool.ts';
import type { Rule } from './rules.ts';
import type { LinkSettings } from './settings.ts';

/** @param others drivers that this one may extend, by their names */
export function readDriver(id: string, value: unknown, others: ReadonlyMap<string, Driver> = new Map()): Driver {
  const json: Json = { value, path: id };
  const members = record(json, ['title', 'why', 'extends', 'charset', 'link', 'decoder', 'rules', 'pool']);
  const named = optional(members['extends'], text);
  const base = named === undefined ? generic : others.get(named);
  if (base === undefined) throw new DriverFault(`${id}.extends names a driver that there is not, ${named ?? ''}.`);
  optional(members['why'], text);
  const charset = optional(members['charset'], charsetOf) ?? base.charset;
  return {
    id,
    title: text(members['title'] ?? { value: undefined, path: `${id}.title` }),
    charset,
    link: optional(members['link'], (one) => linkOf(one, base.link, charset)) ?? base.link,
    decoder: optional(members['decoder'], decoderOf) ?? base.decoder,
    rules: [...base.rules, ...(optional(members['rules'], (one) => list(one, ruleOf)) ?? [])],
    pool: optional(members['pool'], poolOf) ?? base.pool,
  };
}

function charsetOf(json: Json): string {
  const name = text(json);
  if (!iconv.encodingExists(name)) throw new DriverFault(`${json.path} is no charset that is known, ${name}.`);
  return name;
}

const flag = (json: Json): boolean => {
  if (typeof json.value !== 'boolean') throw new DriverFault(`${json.path} must be true or false.`);
  return json.value;
};

function count(json: Json, most: number): number {
  const { value, path } = json;
  if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > most) {
    throw new DriverFault(`${path} must be a whole number from 1 to ${most}.`);
  }
  return value as number;
}

/** `checksumCharset`: the analyzer sums its text in that charset, whatever it sends. */
function linkOf(json: Json, base: LinkSettings, charset: string): LinkSettings {
  const names = [
    'framing',
    'checksum',
    'checksumCharset',
    'numbers',
    'enq',
    'lineFeeds',
    'frameIn',
    'frameOut',
    'ends',
  ];
  const members = record(json, names);
  const summed = optional(members['checksumCharset'], charsetOf);
  const enq = optional(members['enq'], (one) => choice(one, ['required', 'optional']));
  return {
    ...base,
    framing: optional(members['framing'], (one) => choice(one, ['numbered', 'text'])) ?? base.framing,
    summing: optional(members['checksum'], (one) => choice(one, ['required', 'optional', 'ignored'])) ?? base.summing,
    sum: summed === undefined ? base.sum : sumIn(summed, charset),
    numbers: optional(members['numbers'], (one) => choice(one, ['counted', 'restarts', 'any'])) ?? base.numbers,
    withoutEnq: enq === undefined ? base.withoutEnq : enq === 'optional',
    lineFeeds: optional(members['lineFeeds'], flag) ?? base.lineFeeds,
    frameIn: optional(members['frameIn'], (one) => count(one, 1_000_000)) ?? base.frameIn,
    frameOut: optional(members['frameOut'], (one) => count(one, 64_000)) ?? base.frameOut,
    ends: optional(members['ends'], (one) => choice(one, ['terminator', 'frame'])) ?? base.ends,
  };
}

function sumIn(summed: string, charset: string): LinkSettings['sum'] {
  return (content) => {
    const sent = iconv.decode(Buffer.from(content), charset, { stripBOM: false });
    return checksum(iconv.encode(sent, summed, { addBOM: false }));
  };
}

function ruleOf(json: Json): Rule {
  const operations = ['move', 'set', 'replace', 'default', 'carry', 'becomes'];
  const members = record(json, ['why', 'record', 'where', ...operations]);
  if (!operations.some((one) => members[one] !== undefined)) throw new DriverFault(`${json.path} does nothing.`);
  optional(members['why'], text);
  const places = <One>(name: string, read: (place: Place, json: Json) => One): One[] =>
    Object.entries(optional(members[name], (one) => record(one)) ?? {}).map(([written, one]) =>
      read(placeNamed(written, one.path), one),
    );
  return {
    record: letter(members['record'] ?? { value: undefined, path: `${json.path}.record` }),
    where: places('where', (place, one) => ({ place, matches: pattern(one) })),
    move: places('move', (from, one) => ({ from, to: placeNamed(text(one), one.path) })),
    set: places('set', (place, one) => ({ place, template: text(one) })),
    replace: places('replace', (place, one) => ({ place, ...replacement(one) })),
    default: places('default', (place, one) => ({ place, template: text(one) })),
    carry: optional(members['carry'], (one) => list(one, (each) => placeNamed(text(each), each.path))) ?? [],
    becomes: optional(members['becomes'], (one) => list(one, text)),
  };
}

function letter(json: Json): string {
  const name = text(json);
  if (!/^[A-Z]$/.test(name)) throw new DriverFault(`${json.path} must be the letter of a record.`);
  return name;
}

function placeNamed(written: string, path: string): Place {
  const place = placeOf(written);
  if (place === undefined) throw new DriverFault(`${path} names no place, ${written}: 4 is a field, 4.2 a component.`);
  return place;
}

function poolOf(json: Json): Pool {
  const members = record(json, ['separator', 'negative']);
  const separator = text(members['separator'] ?? { value: undefined, path: `${json.path}.separator` });
  const negative = optional(members['negative'], (one) => list(one, text)) ?? [];
  return { separator, negative: negative.map((one) => one.toUpperCase()) };
}
