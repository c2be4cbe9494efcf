/**
 * The searches that are measured, as a laboratory asks them. `flat`: a page must cost the same in a data set ten times
 * as large; `linear`: what reads all matches may cost ten times as much.
 */
import type { Size } from './generate.ts';
import { codesWithValues, components, frequentCodes, midCodes, rareCode, type DrawnPatient } from './search-values.ts';

export interface SearchCase {
  name: string;
  title: string;
  growth: 'flat' | 'linear';
  /** Smaller data sets do not have what it looks for. */
  from?: Size;
  /** Measured is this page, reached by following the links. */
  page?: number;
  /** Path and query, taken in turn. */
  queries(patients: readonly DrawnPatient[]): string[];
}

/** Path and query from pairs of name and value. */
function search(type: string, ...pairs: readonly (readonly [name: string, value: string])[]): string {
  return `${type}?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
}

const newest = ['_sort', '-date'] as const;
/** As many as the medium data set has of the rarest, so that pages are equally full in a larger one. */
const few = ['_count', '3'] as const;
const hasResult = '_has:Observation:patient:code';
const byDate = (codes: readonly string[]) => codes.map((code) => search('Observation', ['code', code], newest));

export const searchCases: readonly SearchCase[] = [
  {
    name: 'identifier',
    title: 'Patient by identifier',
    growth: 'flat',
    queries: (patients) => patients.map(({ identifier }) => search('Patient', ['identifier', identifier])),
  },
  {
    name: 'patient-code',
    title: 'results of a patient with a code, newest first',
    growth: 'flat',
    queries: (patients) =>
      patients.map(({ id, code }) => search('Observation', ['patient', id], ['code', code], newest)),
  },
  {
    name: 'frequent',
    title: 'frequent code, unsorted',
    growth: 'flat',
    queries: () => frequentCodes.map((code) => search('Observation', ['code', code])),
  },
  {
    name: 'frequent-date',
    title: 'frequent code, newest first, page 1',
    growth: 'flat',
    queries: () => byDate(frequentCodes),
  },
  {
    name: 'frequent-date-100',
    title: 'frequent code, newest first, page 100',
    growth: 'flat',
    from: 'medium',
    page: 100,
    queries: () => byDate(frequentCodes.slice(0, 4)),
  },
  {
    name: 'mid-date',
    title: 'mid-frequency code, newest first',
    growth: 'flat',
    queries: () => byDate(midCodes),
  },
  {
    name: 'rare',
    title: 'rare code',
    growth: 'flat',
    from: 'medium',
    queries: () => [search('Observation', ['code', rareCode], few)],
  },
  {
    name: 'name-prefix',
    title: 'Patient by the first letters of a name',
    growth: 'linear',
    queries: (patients) => patients.map(({ family }) => search('Patient', ['name', family.slice(0, 4).trim()])),
  },
  {
    name: 'worklist',
    title: 'worklist: preliminary results, newest first',
    growth: 'flat',
    queries: () => [search('Observation', ['status', 'preliminary'], newest)],
  },
  {
    name: 'count',
    title: 'count of a frequent code',
    growth: 'linear',
    queries: () => frequentCodes.map((code) => search('Observation', ['code', code], ['_summary', 'count'])),
  },
  {
    name: 'code-value',
    title: 'code and value with unit',
    growth: 'flat',
    queries: () =>
      codesWithValues.map(([code, value]) => search('Observation', ['code', code], ['value-quantity', value])),
  },
  {
    name: 'chain',
    title: 'results by the identifier of their patient',
    growth: 'flat',
    queries: (patients) => patients.map(({ identifier }) => search('Observation', ['patient.identifier', identifier])),
  },
  {
    name: 'has',
    title: 'patients that have a result of a rare code',
    growth: 'flat',
    from: 'medium',
    queries: () => [search('Patient', [hasResult, rareCode], few)],
  },
  {
    name: 'has-mid',
    title: 'patients that have a result of a mid-frequency code',
    growth: 'flat',
    queries: () => midCodes.map((code) => search('Patient', [hasResult, code])),
  },
  {
    name: 'report-include',
    title: 'reports of a patient with their results',
    growth: 'flat',
    queries: (patients) =>
      patients.map(({ id }) => search('DiagnosticReport', ['patient', id], ['_include', 'DiagnosticReport:result'])),
  },
  {
    name: 'component',
    title: 'component code and value',
    growth: 'flat',
    queries: () => components.map((value) => search('Observation', ['component-code-value-quantity', value])),
  },
  {
    name: 'value-set',
    title: 'category in a value set',
    growth: 'flat',
    queries: () => [search('Observation', ['category:in', 'http://hl7.org/fhir/ValueSet/observation-category'])],
  },
  {
    name: 'status-not',
    title: 'status other than final',
    growth: 'flat',
    queries: () => [search('Observation', ['status:not', 'final'])],
  },
];
