/**
 * A case is one normative statement with the few requests that show it. A section is the anchor of the specification
 * page that holds the statements; its cases are run in order, each with data of its own.
 */
import type { World } from './world.ts';

/** SHALL fails the run; SHOULD only with --strict; MAY is shown and never fails. */
export type Level = 'SHALL' | 'SHOULD' | 'MAY';

export interface Case {
  title: string;
  level: Level;
  /** The capability without which the specification does not ask this of a server. */
  needs: Need | undefined;
  run: (world: World) => Promise<void>;
}

/** An interaction of a type (or, without a type, of the system), or a flag of CapabilityStatement.rest.resource. */
export interface Need {
  type?: string;
  interaction?: string;
  /** Name of an operation, without the $. */
  operation?: string;
  flag?: 'updateCreate' | 'conditionalCreate' | 'conditionalUpdate' | 'conditionalDelete' | 'conditionalRead';
  /** A MIME type of CapabilityStatement.format. */
  format?: string;
  /** A MIME type of CapabilityStatement.patchFormat. */
  patchFormat?: string;
}

export interface Section {
  name: string;
  /** Page and anchor, relative to https://hl7.org/fhir/R4/ */
  anchor: string;
  cases: readonly Case[];
}

type Run = (world: World) => Promise<void>;

const level =
  (value: Level) =>
  (title: string, run: Run, needs?: Need): Case => ({ title, level: value, needs, run });

export const shall = level('SHALL');
export const should = level('SHOULD');
export const may = level('MAY');

export function section(name: string, anchor: string, cases: readonly Case[]): Section {
  return { name, anchor, cases };
}
