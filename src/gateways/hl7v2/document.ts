/**
 * A report whose document is a Binary carries its bytes to the peer. The interface's role does not read Binaries: it gets
 * those that a report it may see names, as itself, and the log says so.
 */
import { Buffer } from 'node:buffer';
import { operatorCaller } from '../../access/caller.ts';
import { parseScopes } from '../../access/scopes.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import type { JsonObject } from '../../fhir/json.ts';
import type { Context } from '../../request.ts';
import { serve } from '../../serve.ts';

/** Bytes of one document. */
const longest = 20 * 1024 * 1024;

export async function withDocuments(context: Context, report: JsonObject): Promise<JsonObject> {
  const forms = (report['presentedForm'] ?? []) as JsonObject[];
  if (!forms.some((form) => binaryOf(form) !== undefined)) return report;
  const read: JsonObject[] = [];
  for (const form of forms) {
    const id = binaryOf(form);
    read.push(id === undefined ? form : { ...form, data: (await bytesOf(context, id)).toString('base64') });
  }
  return { ...report, presentedForm: read };
}

function binaryOf({ data, url }: JsonObject): string | undefined {
  if (data !== undefined || typeof url !== 'string') return undefined;
  return /^(?:.*\/)?Binary\/([A-Za-z0-9.-]{1,64})$/.exec(url)?.[1];
}

async function bytesOf(context: Context, id: string): Promise<Buffer> {
  const { subject, client, roles } = context.caller;
  const caller = operatorCaller({ subject, client, roles, scopes: parseScopes('system/Binary.r') });
  const headers = { accept: 'application/octet-stream' };
  const request = { method: 'GET', segments: ['Binary', id], query: [], headers, body: undefined } as const;
  const { raw } = await serve({ ...context, caller }, request);
  if (raw === undefined) throw outcomeError('not-found', `The document Binary/${id} of the report cannot be read.`);
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of Buffer.isBuffer(raw.body) ? [raw.body] : raw.body) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length > longest) throw outcomeError('too-long', `The document Binary/${id} is too long for a message.`);
  }
  return Buffer.concat(parts);
}
