/** OBR (and its OBX of type ED, RP) → DiagnosticReport. v2-to-FHIR segment map OBR[DiagnosticReport]. */
import { isPlainBase64 } from '../fhir/base64.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader } from '../hl7v2/message.ts';
import { reportStatuses } from './codes.ts';
import { allOf, concept, object, practitioner } from './datatypes.ts';
import { byNumberAndCode } from './order.ts';
import { dateTime, instant } from './times.ts';
import type { Target } from './translation.ts';

export interface ReportOf {
  readonly subject: JsonObject;
  readonly encounter: JsonObject | undefined;
  readonly basedOn: JsonObject | undefined;
  readonly specimen: readonly JsonObject[];
  readonly result: readonly JsonObject[];
  readonly forms: readonly JsonObject[];
  readonly notes: readonly string[];
  readonly numbers: readonly JsonObject[];
  /** Those of the numbers that are the report's alone; all where undefined. */
  readonly foundBy: readonly JsonObject[] | undefined;
  readonly authority: string;
}

export function report(target: Target, obr: FieldReader, of: ReportOf): JsonObject | undefined {
  const { zone } = target.settings;
  const sequence = Number(obr.text(1)) || 1;
  const place = { segment: 'OBR', sequence, field: 4 };
  const code = concept(target, obr.first(4), place);
  if (code === undefined) {
    target.problem({ code: '101', sentence: 'OBR-4 must name what was ordered.', place });
    return undefined;
  }
  const [start, end] = [dateTime(obr.text(7), zone), dateTime(obr.text(8), zone)];
  const resource = object({
    resourceType: 'DiagnosticReport',
    identifier: [...of.numbers],
    basedOn: of.basedOn === undefined ? undefined : [of.basedOn],
    // OBR-25 is required for results; without it nothing says that they are final.
    status: reportStatuses[obr.text(25)] ?? 'unknown',
    category: category(obr.text(24)),
    code,
    subject: of.subject,
    encounter: of.encounter,
    ...(end !== undefined && end !== start
      ? { effectivePeriod: object({ start, end }) }
      : { effectiveDateTime: start }),
    issued: instant(obr.text(22), zone),
    resultsInterpreter: allOf(obr, 32, (ndl) => interpreter(target, ndl, of.authority)),
    specimen: [...of.specimen],
    result: [...of.result],
    conclusion: of.notes.join('\n'),
    presentedForm: [...of.forms],
  });
  return target.add(resource, byNumberAndCode(of.foundBy ?? of.numbers, code));
}

function category(section: string): JsonObject[] {
  if (section === '')
    return [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'LAB', display: 'Laboratory' }] },
    ];
  return [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: section }] }];
}

/** NDL.1 is a CNN in subcomponents. */
function interpreter(
  target: Target,
  ndl: { text: (component?: number, subcomponent?: number) => string },
  authority: string,
): JsonObject | undefined {
  const read = {
    raw: '',
    empty: false,
    components: 9,
    part: () => '',
    text: (at = 1) => (at > 8 ? '' : ndl.text(1, at)),
  };
  return practitioner(target, read, authority);
}

/** ED: a document in the message; RP: one elsewhere. §2.A.24, §2.A.66 */
export function presentedForm(obx: FieldReader, zone: string): JsonObject | undefined {
  const first = obx.first(5);
  const title = obx.text(3, 2) || obx.text(3, 1);
  const creation = dateTime(obx.text(14), zone);
  if (obx.text(2) === 'RP') {
    const url = first.text(1);
    return /^https?:\/\//.test(url)
      ? object({ contentType: mediaType(first.text(3), first.text(4)), url, title, creation })
      : undefined;
  }
  const [kind, subtype, encoding] = [first.text(2), first.text(3), first.text(4)];
  const isBase64 = /^base64$/i.test(encoding);
  // Of many megabytes: looked at once where nothing has to be taken out of them.
  const asSent = isBase64 ? first.part(5) : '';
  const plain = asSent === '' ? undefined : padded(asSent);
  const data = plain ?? first.text(5);
  if (data === '') return undefined;
  const written = plain ?? (isBase64 ? padded(data.replaceAll(/\s+/g, '')) : undefined);
  if (written !== undefined) return object({ contentType: mediaType(kind, subtype), data: written, title, creation });
  // What says that it is Base64 and is not is kept as the text that it is.
  const contentType = isBase64 ? 'text/plain' : mediaType(kind, subtype);
  const base64 = Buffer.from(data, /^hex$/i.test(encoding) ? 'hex' : 'utf8').toString('base64');
  return object({ contentType, data: base64, title, creation });
}

/** Base64 with its padding, which some leave out; undefined for what is none. */
function padded(text: string): string | undefined {
  const content = text.length % 4 === 0 ? text : text.replace(/={1,2}$/, '');
  const whole = content.padEnd(Math.ceil(content.length / 4) * 4, '=');
  return isPlainBase64(whole) ? whole : undefined;
}

/** Tables 0191 and 0291. */
function mediaType(kind: string, subtype: string): string {
  const known: Record<string, string> = {
    PDF: 'application/pdf',
    JPEG: 'image/jpeg',
    PNG: 'image/png',
    GIF: 'image/gif',
    TIFF: 'image/tiff',
    HTML: 'text/html',
    RTF: 'application/rtf',
    XML: 'application/xml',
    PLAIN: 'text/plain',
  };
  if (known[subtype.toUpperCase()] !== undefined) return known[subtype.toUpperCase()] as string;
  if (/^[a-z]+\/[a-z0-9.+-]+$/i.test(kind)) return kind;
  return kind.toUpperCase() === 'TEXT' || kind === 'TX' ? 'text/plain' : 'application/octet-stream';
}
