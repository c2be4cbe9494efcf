/**
 * What a laboratory judges susceptibility by: the tables of its Libraries of the topic `urn:makhbar:laboratory|antibiogram`,
 * each an attachment (text/csv) with the name of the table as its title. The starter catalogue has one (seed/); rows of the
 * laboratory's own go before those.
 */
import { Buffer } from 'node:buffer';
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { cell, readTable, type Row } from '../catalogue/table.ts';
import { objects, text } from '../terms.ts';
import type { ReportingRule } from './reporting.ts';
import type { Bound, Breakpoint, Method, Organism } from './interpret.ts';

export const antibiogramTopic = { system: 'urn:makhbar:laboratory', code: 'antibiogram' } as const;
/** Of the Library of the starter catalogue. */
export const shippedUrl = 'urn:makhbar:catalogue:antibiogram';
export const antibiogramTables = ['organisms', 'drugs', 'breakpoints', 'resistances'] as const;

export interface NamedOrganism extends Organism {
  readonly snomed: string;
  readonly name: string;
}

export interface Drug {
  readonly code: string;
  readonly loinc: string;
  readonly name: string;
}

export interface Antibiogram {
  readonly organisms: readonly NamedOrganism[];
  readonly drugs: readonly Drug[];
  readonly breakpoints: readonly Breakpoint[];
  readonly resistances: readonly { readonly organism: string; readonly drug: string }[];
  /** Of the laboratory alone: the starter catalogue has none. */
  readonly reporting: readonly ReportingRule[];
}

/** @throws OutcomeError `business-rule` (422) for a Library that cannot be read. */
export function antibiogramOf(libraries: readonly JsonObject[]): Antibiogram {
  const sorted = libraries.toSorted((a, b) => Number(a['url'] === shippedUrl) - Number(b['url'] === shippedUrl));
  const rows = (name: string): Row[] => sorted.flatMap((library) => tableOf(library, name));
  return {
    organisms: rows('organisms').map((row) => ({
      code: cell(row, 'code'),
      snomed: cell(row, 'snomed'),
      groups: cell(row, 'groups').split(' '),
      name: cell(row, 'en'),
    })),
    drugs: rows('drugs').map((row) => ({ code: cell(row, 'code'), loinc: cell(row, 'loinc'), name: cell(row, 'en') })),
    breakpoints: rows('breakpoints').map(breakpointOf),
    resistances: rows('resistances').map((row) => ({ organism: cell(row, 'organism'), drug: cell(row, 'drug') })),
    reporting: rows('reporting').map(reportingOf),
  };
}

function tableOf(library: JsonObject, name: string): Row[] {
  const data = text(objects(library['content']).find(({ title }) => title === name)?.['data']);
  if (data === undefined) return [];
  try {
    return readTable(name, Buffer.from(data, 'base64').toString('utf8').replaceAll('\r', ''));
  } catch (error) {
    throw unreadable(library, error instanceof Error ? error.message : String(error));
  }
}

function unreadable(library: JsonObject, sentence: string): Error {
  return outcomeError('business-rule', `Library/${String(library['id'])}: ${sentence}`);
}

function reportingOf({ organism, drug, susceptible }: Row): ReportingRule {
  if (organism !== undefined && drug !== undefined && susceptible !== undefined) {
    return { organism, drug, susceptible: susceptible.split(' ').filter((one) => one !== '') };
  }
  throw outcomeError('business-rule', 'The table reporting has the columns organism, drug and susceptible.');
}

export function breakpointOf(row: Row): Breakpoint {
  const method = cell(row, 'method');
  const susceptible = boundOf(cell(row, 'susceptible'));
  const resistant = boundOf(cell(row, 'resistant'));
  if ((method !== 'mic' && method !== 'disk') || resistant === undefined) {
    throw outcomeError('business-rule', `A breakpoint of ${cell(row, 'drug')} has no method mic or disk, or no bound.`);
  }
  return {
    standard: cell(row, 'standard'),
    version: cell(row, 'version'),
    organism: cell(row, 'organism'),
    drug: cell(row, 'drug'),
    method: method satisfies Method,
    resistant,
    ...(susceptible !== undefined && { susceptible }),
  };
}

function boundOf(written: string): Bound | undefined {
  const [, comparator, value] = /^(<=|>=|<|>)(\d+(?:\.\d+)?)$/.exec(written) ?? [];
  return comparator === undefined ? undefined : { comparator: comparator as Bound['comparator'], value: Number(value) };
}
