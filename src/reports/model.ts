/**
 * A report ready to be drawn, in PDF or HTML: texts in its languages, in the order in which they are read. Plain data, that can
 * be handed to another thread.
 */
import type { Told } from './language.ts';
import type { Column, Logo } from './template.ts';
import { inDigits, type Digits } from './written.ts';

export interface Row {
  /** 0 for a result, 1 and more for members of a group. */
  readonly level: number;
  readonly name: Told;
  readonly value: Told;
  readonly unit: string;
  readonly flag: string | undefined;
  readonly critical: boolean;
  readonly interval: readonly string[];
  readonly previous: { readonly value: string; readonly at: string } | undefined;
  /** Numbers from old to new, for a chart; too few for one are none. */
  readonly trend: readonly number[];
  /** Bounds of the reference interval in the chart. */
  readonly bounds: { readonly low: number | undefined; readonly high: number | undefined };
  /** Below the row: what it was before, what it is not yet, comments. */
  readonly notes: readonly Note[];
}

export interface Note {
  readonly kind: 'corrected' | 'withdrawn' | 'preliminary' | 'comment';
  readonly text: string;
}

export interface ReportSection {
  /** Of the laboratory; '' for what is in none. */
  readonly code: string;
  readonly title: Told;
  readonly rows: readonly Row[];
}

export interface Fact {
  readonly name: Told;
  readonly value: string;
}

export interface ReportModel {
  readonly languages: readonly string[];
  readonly direction: 'ltr' | 'rtl';
  readonly digits: Digits;
  readonly title: Told;
  readonly letterhead: { readonly name: string; readonly lines: readonly string[]; readonly logo: Logo | undefined };
  readonly status: { readonly code: string; readonly text: Told };
  /** Written across each page where the report must not be taken for the final one. */
  readonly watermark: string | undefined;
  readonly patient: readonly Fact[];
  readonly order: readonly Fact[];
  readonly specimens: {
    readonly heads: readonly Told[];
    readonly rows: readonly (readonly string[])[];
    readonly title: Told;
  };
  readonly columns: readonly { readonly column: 'name' | Column; readonly title: Told }[];
  readonly sections: readonly ReportSection[];
  readonly conclusion: { readonly title: Told; readonly text: string } | undefined;
  readonly people: readonly Fact[];
  readonly legend: readonly string[];
  readonly footer: readonly string[];
  readonly identity: string;
  /** `Page {page} of {pages}` (pageText) */
  readonly page: string;
  readonly verify: { readonly address: string; readonly told: Told } | undefined;
}

export function pageText({ page, digits }: Pick<ReportModel, 'page' | 'digits'>, at: number, of: number): string {
  return page.replaceAll('{page}', inDigits(String(at), digits)).replaceAll('{pages}', inDigits(String(of), digits));
}
