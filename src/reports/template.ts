/**
 * What a report looks like, as data: a Basic of the laboratory with the code `urn:makhbar:basic|report-template` and the
 * extension report-template (profiles/extension-report-template.json); without one, the default below.
 */
import type { JsonObject } from '../fhir/json.ts';
import { extensions, object, objects, text } from '../laboratory/terms.ts';
import { inOwnDirection, plain } from './written.ts';

export const templateToken = 'urn:makhbar:basic|report-template';

export const columns = ['result', 'flag', 'unit', 'interval', 'previous', 'trend'] as const;

export type Column = (typeof columns)[number];

export interface Logo {
  readonly contentType: 'image/png' | 'image/jpeg';
  readonly data: Buffer;
}

export interface ReportTemplate {
  /** Where it came from, for the documents made with it. */
  readonly version: string;
  /** The laboratory's name, where it is not the one of the tenant. */
  readonly title: string | undefined;
  /** Address, telephone, accreditation. */
  readonly lines: readonly string[];
  readonly logo: Logo | undefined;
  readonly columns: readonly Column[];
  /** Codes of sections that stand first, in this order; those that it does not name follow. */
  readonly sections: readonly string[];
  readonly footer: readonly string[];
  /** Languages in which a report is made as soon as it is released. */
  readonly atRelease: readonly string[];
}

export const defaultTemplate: ReportTemplate = {
  version: 'default-1',
  title: undefined,
  lines: [],
  logo: undefined,
  columns,
  sections: [],
  footer: [],
  atRelease: [],
};

/** Larger pictures would stand in every report. */
const largestLogo = 300_000;

export function readTemplate(basic: JsonObject): ReportTemplate {
  const parts = objects(extensions(basic, 'report-template')[0]?.['extension']);
  const texts = (name: string): string[] =>
    parts
      .filter(({ url }) => url === name)
      .flatMap((part) => text(part['valueString']) ?? text(part['valueCode']) ?? [])
      .map(plain);
  const chosen = columns.filter((column) => texts('column').includes(column));
  return {
    version: `${String(basic['id'])}-${String(object(basic['meta'])['versionId'])}`,
    title: texts('title')[0],
    lines: texts('line').map(inOwnDirection),
    logo: logoOf(object(parts.find(({ url }) => url === 'logo')?.['valueAttachment'])),
    columns: chosen.length === 0 ? columns : chosen,
    sections: texts('section'),
    footer: texts('footer').map(inOwnDirection),
    atRelease: texts('at-release'),
  };
}

/** PNG or JPEG by its first bytes, whatever it says that it is. */
function logoOf(attachment: JsonObject): Logo | undefined {
  const data = Buffer.from(text(attachment['data']) ?? '', 'base64');
  if (data.length === 0 || data.length > largestLogo) return undefined;
  if (data.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))) return { contentType: 'image/png', data };
  if (data.subarray(0, 3).equals(Buffer.from('ffd8ff', 'hex'))) return { contentType: 'image/jpeg', data };
  return undefined;
}
