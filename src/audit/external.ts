/**
 * An event of another system as it is shown: what was sent, under our id.
 *
 * Ours are: the id, meta.lastUpdated (when it was received), a tag that marks it, meta.source where the sender gave none
 * (the application that brought it), and an extension with the id that the sender gave and the SHA-256 of the text as it is
 * stored. The hash is made anew each time: numbers of the canonical form are those of ECMAScript, so that the seals would
 * not see a changed digit without it. Deterministic, as event.ts demands, also of a text that somebody has spoilt: verifying
 * the log must come to name it.
 */
import { hash } from 'node:crypto';
import { parseJson, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import type { AuditRecord, Sent } from './record.ts';

/** What marks an event of another system, as meta.tag. */
export const externalTag = { system: 'https://makhbar.org/fhir/CodeSystem/audit-event-origin', code: 'external' };

export const sentExtension = 'https://makhbar.org/fhir/StructureDefinition/audit-event-sent';

export function externalEvent({ id, time }: Pick<AuditRecord, 'id' | 'time'>, { text, client }: Sent): JsonObject {
  const { resourceType, id: sentId, meta, extension, ...rest } = contentOf(text);
  const { versionId: _version, lastUpdated: _time, ...kept } = objectOf(meta);
  return {
    resourceType: resourceType ?? 'AuditEvent',
    id,
    meta: {
      source: `urn:makhbar:client:${encodeURIComponent(client)}`,
      ...kept,
      lastUpdated: new Date(time).toISOString(),
      tag: [...listOf(kept['tag']), externalTag],
    },
    extension: [...listOf(extension), asSent(text, sentId)],
    ...rest,
  };
}

function contentOf(text: string): JsonObject {
  try {
    return objectOf(parseJson(text));
  } catch (error) {
    if (error instanceof OutcomeError) return {};
    throw error;
  }
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function asSent(text: string, id: JsonValue | undefined): JsonObject {
  return {
    url: sentExtension,
    extension: [
      ...(typeof id === 'string' ? [{ url: 'id', valueString: id }] : []),
      { url: 'sha256', valueString: hash('sha256', text) },
    ],
  };
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}
