/** `makhbar messages explain`: a message of record, or one in a file that is only tried, field by field, as text. */
import { readFile } from 'node:fs/promises';
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sessionOf } from '../gateways/gateway.ts';
import { parseStored } from '../interactions/document.ts';
import { explanationParts, placeText } from '../operations/explain-parts.ts';
import { explained, oneMessage } from '../operations/explained.ts';
import { settingsOfType } from '../store/endpoints.ts';
import type { StoredMessage } from '../store/messages.ts';
import type { Explanation, ExplainedField } from '../translation/explain.ts';
import type { JsonObject } from '../fhir/json.ts';
import { print, type Output } from './connect.ts';
import { known, within, type Inside } from './messages.ts';
import { noting } from './note.ts';

export interface ExplainOptions extends Output {
  interface?: string;
  file?: string;
}

export async function explainMessageCommand(
  tenant: string,
  id: string | undefined,
  options: ExplainOptions,
): Promise<void> {
  if ((id === undefined) === (options.file === undefined)) {
    throw outcomeError('invalid', 'Name a message, or a file with one (--file).');
  }
  const { stored, explanation } = await within(tenant, async (inside) => {
    const message = id === undefined ? undefined : await read(inside, id);
    const endpoint = await endpointOf(inside, message?.interface ?? options.interface);
    const given = oneMessage(message?.raw ?? (await readFile(options.file ?? '')), endpoint);
    const session = sessionOf(inside.server, inside.tenant);
    return { stored: message, explanation: await explained({ session, tenant: inside.tenant, endpoint }, given) };
  });
  print(options, explanationParts(explanation, stored), textOf(explanation, stored));
}

/** It shows what is about a patient: told before it is shown. */
async function read({ server, database, tenant }: Inside, id: string): Promise<StoredMessage> {
  const noted = { kind: 'message-explained', deed: 'makhbar messages explain' } as const;
  const stored = await noting(database, tenant, noted, {
    work: () => known(server, tenant, id),
    further: () => [thing('message', id)],
  });
  if (stored.protocol !== 'hl7v2') throw outcomeError('not-supported', 'Only messages of HL7 v2 are explained.');
  if (stored.raw.length === 0) throw outcomeError('not-found', `The message ${id} was erased.`);
  return stored;
}

/** A file is tried as of the interface that is named, else as of one that says nothing. */
async function endpointOf({ server, tenant }: Inside, id: string | undefined): Promise<JsonObject> {
  const all = (await settingsOfType(sessionOf(server, tenant), 'Endpoint')).map((text) => parseStored(text));
  const found = all.find((endpoint) => endpoint['id'] === id);
  if (found === undefined && id !== undefined)
    throw outcomeError('not-found', `There is no Endpoint/${id.slice(0, 64)}.`);
  return found ?? { resourceType: 'Endpoint' };
}

const fates: Readonly<Record<ExplainedField['fate'], string>> = {
  became: '',
  unused: 'read, without effect on a resource',
  ignored: 'ignored',
  decides: 'decides how the message is translated',
  unfollowed: 'read; the message is too long to follow it',
};

function textOf(
  { type, version, segments, resources, problems, unmapped }: Explanation,
  stored?: StoredMessage,
): string {
  const lines = [`${type}  version ${version || 'not said'}`];
  if (stored !== undefined) {
    lines.push(
      `${stored.id}  ${stored.received}  ${stored.status}`,
      ...stored.resources.map((name) => `  made ${name}`),
    );
  }
  for (const { place, name, fields } of segments) {
    lines.push('', `${place}  ${name}`.trimEnd());
    for (const field of fields) lines.push(`  ${fieldText(field)}`);
  }
  for (const { name, elements } of resources) {
    lines.push('', name);
    for (const { path, value, from } of elements) {
      lines.push(`  ${path} = ${oneLine(value)}  ← ${from.join(', ') || 'the rule, not a field'}`);
    }
  }
  if (problems.length + unmapped.length > 0) lines.push('');
  for (const { sentence, place } of problems) {
    lines.push(`${place === undefined ? '' : `${placeText(place)}: `}${sentence}`);
  }
  for (const { system, code, place } of unmapped) lines.push(`${placeText(place)}: ${system}|${code} has no mapping.`);
  return lines.join('\n');
}

function fieldText({ place, name, value, meaning, fate, became }: ExplainedField): string {
  const said = `${place}  ${name} = ${oneLine(value)}${meaning === undefined ? '' : ` (${meaning})`}`;
  return `${said}  → ${fate === 'became' ? became.join(', ') : fates[fate]}`;
}

/** A terminal obeys control characters. */
function oneLine(value: string): string {
  return value.replaceAll(/\p{Cc}/gu, ' ');
}
