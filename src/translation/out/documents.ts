/** presentedForm → OBX of the type ED (its bytes) or RP (where it is). HL7 v2.5.1 §2.A.24, §2.A.66; tables 0191, 0291. */
import type { JsonObject } from '../../fhir/json.ts';
import { string, type Writing } from './source.ts';
import { timeText } from './times.ts';
import { components, segment, text } from './writer.ts';

/** Media type → table 0191 and 0291. */
const kinds: Readonly<Record<string, readonly [string, string]>> = {
  'application/pdf': ['AP', 'PDF'],
  'image/jpeg': ['IM', 'JPEG'],
  'image/png': ['IM', 'PNG'],
  'image/gif': ['IM', 'GIF'],
  'image/tiff': ['IM', 'TIFF'],
  'text/html': ['TEXT', 'HTML'],
  'text/plain': ['TEXT', 'PLAIN'],
  'application/rtf': ['AP', 'RTF'],
  'application/xml': ['AP', 'XML'],
};

/** Table 0085. */
const statuses: Readonly<Record<string, string>> = {
  corrected: 'C',
  amended: 'C',
  'entered-in-error': 'W',
  deleted: 'D',
};

interface Placed {
  readonly number: number;
  readonly report: JsonObject;
  readonly writing: Writing;
}

export function documentSegments(form: JsonObject, { number, report, writing }: Placed): string[] {
  const [data, url] = [string(form['data']), string(form['url'])];
  const media = string(form['contentType']).split(';')[0]?.trim() ?? '';
  const [kind, subtype] = kinds[media] ?? [media, ''];
  const title = string(form['title']) || 'Report';
  const isLinked = data === '' && /^https?:\/\//.test(url);
  if (data === '' && !isLinked) return [];
  const value = isLinked
    ? components(text(url), '', text(kind), text(subtype))
    : components('', text(kind), text(subtype), 'Base64', data);
  return [
    segment('OBX', {
      1: String(number),
      2: isLinked ? 'RP' : 'ED',
      3: components('REPORT', text(title), 'L'),
      4: String(number),
      5: value,
      11: statuses[string(report['status'])] ?? 'F',
      14: timeText(form['creation'], writing.zone),
    }),
  ];
}
