/**
 * What is known of a family of analyzers (drivers/*.json): how its link departs from LIS01-A2, how its text is read, and
 * where its records hold what the standard has elsewhere. Pure.
 *
 * 1. The bytes are never changed: what a driver makes of them is made anew whenever the message of record is read.
 * 2. After a driver the records are those of the standard: nothing that follows knows of drivers.
 */
import { decoded } from './decoders/catalog.ts';
import type { DecoderSettings } from './decoders/decoder.ts';
import { standardLink, type LinkSettings } from './settings.ts';
import { unpooled, type Pool } from './pool.ts';
import { readRecords, type Records } from './record.ts';
import { ruled, type Rule } from './rules.ts';

export interface Driver {
  /** The name of its file. */
  readonly id: string;
  readonly title: string;
  readonly link: LinkSettings;
  /** Where bytes are no UTF-8; as iconv-lite names it. */
  readonly charset: string;
  /** Of devices that do not send records. */
  readonly decoder: DecoderSettings | undefined;
  readonly rules: readonly Rule[];
  readonly pool: Pool | undefined;
}

/** For analyzers that keep to the standard. */
export const generic: Driver = {
  id: 'generic',
  title: 'LIS01-A2 and LIS02-A2',
  link: standardLink,
  charset: 'utf-8',
  decoder: undefined,
  rules: [],
  pool: undefined,
};

export interface DriverRecords extends Records {
  /** Why the content could not be read as what the driver says that it is: then there are no records. */
  readonly problem?: string;
}

/** The records of one transmission, as the standard has them. @param charset of the interface, where it names one */
export function recordsOf(driver: Driver, content: Buffer, charset = driver.charset): DriverRecords {
  const read = readRecords(content, charset);
  if (driver.decoder === undefined) return { ...read, records: arranged(driver, read) };
  const made = decoded(driver.decoder, read.lines.join(''));
  if (typeof made !== 'string') return { ...read, records: [], problem: made.problem };
  return { ...read, records: arranged(driver, readRecords(Buffer.from(made))) };
}

function arranged({ rules, pool }: Driver, { records }: Records): Records['records'] {
  const arranged = ruled(records, rules);
  return pool === undefined ? arranged : unpooled(arranged, pool);
}
