/** A report whose document is a Binary, with its bytes, where the caller may read that. */
import type { JsonObject } from '../../fhir/json.ts';
import { parseJson } from '../../fhir/json.ts';
import { typeNumber } from '../../fhir/resource-types.ts';
import { visibleCurrent } from '../../interactions/visible.ts';
import type { Context } from '../../request.ts';
import { list } from '../../translation/out/source.ts';
import { binaryLine } from '../binary-line.ts';

/** Characters of one document: a message that is longer no interface takes. */
const longest = 27 * 1024 * 1024;

export async function withDocuments(context: Context, report: JsonObject): Promise<JsonObject> {
  const forms = list(report['presentedForm']);
  if (!forms.some((form) => binaryOf(form) !== undefined)) return report;
  const read: JsonObject[] = [];
  for (const form of forms) {
    const id = binaryOf(form);
    const data = id === undefined ? undefined : await dataOf(context, id);
    read.push(data === undefined ? form : { ...form, data });
  }
  return { ...report, presentedForm: read };
}

function binaryOf({ data, url }: JsonObject): string | undefined {
  if (data !== undefined || typeof url !== 'string') return undefined;
  return /^(?:.*\/)?Binary\/([A-Za-z0-9.-]{1,64})$/.exec(url)?.[1];
}

/** Undefined where he may not read it or it is too long: the message says so little then, and that is told. */
async function dataOf(context: Context, id: string): Promise<string | undefined> {
  const stored = await visibleCurrent(context, { type: typeNumber('Binary') ?? -1, id });
  if (typeof stored?.text !== 'string') return undefined;
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of binaryLine(context, stored)) {
    parts.push(part);
    length += part.length;
    if (length > longest) return undefined;
  }
  const { data } = parseJson(Buffer.concat(parts).toString('utf8')) as JsonObject;
  return typeof data === 'string' ? data : undefined;
}
