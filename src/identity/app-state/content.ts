/**
 * A Basic as an app may keep it. Pure. https://hl7.org/fhir/smart-app-launch/app-state.html
 *
 * 1. One code of the app's own, at most one subject by absolute reference, extensions with valueString alone.
 * 2. What is stored comes back as it was sent, but for id and meta, which the server gives.
 */
import { outcomeError } from '../../fhir/outcome.ts';
import { parseJson, serializeJson, type JsonObject, type JsonValue } from '../../fhir/json.ts';
import type { AppState, StateKey } from '../../store/app-state.ts';

/** SMART's limit. */
export const mostBytes = 256 * 1024;

const members = new Set([
  'resourceType',
  'id',
  'meta',
  'implicitRules',
  'language',
  'extension',
  'identifier',
  'code',
  'subject',
]);

export interface Sent {
  readonly key: StateKey;
  /** As it is stored. */
  readonly content: string;
  readonly id: string | undefined;
}

/** @throws OutcomeError `invalid` that names the element and the rule. */
export function readBasic(text: string): Sent {
  const basic = objectOf(parsed(text));
  if (basic?.['resourceType'] !== 'Basic') throw invalid('App state is a Basic resource.');
  const unknown = Object.keys(basic).find((name) => !members.has(name));
  if (unknown !== undefined) throw invalid(`Basic.${unknown.slice(0, 60)} is not kept here.`);
  checkExtensions(basic['extension']);
  const { id, meta } = basic;
  if (objectOf(meta)?.['versionId'] !== undefined) throw invalid('Basic.meta.versionId is given by the server.');
  if (id !== undefined && typeof id !== 'string') throw invalid('Basic.id is a text.');
  const kept = Object.fromEntries(Object.entries(basic).filter(([name]) => name !== 'id' && name !== 'meta'));
  return { key: { ...codeOf(basic), subject: subjectOf(basic) }, content: serializeJson(kept), id };
}

function parsed(text: string): JsonValue {
  return parseJson(text);
}

function checkExtensions(extensions: JsonValue | undefined): void {
  if (extensions === undefined) return;
  const list = Array.isArray(extensions) ? extensions.map(objectOf) : [undefined];
  const wrong = list.some(
    (one) =>
      one === undefined ||
      typeof one['url'] !== 'string' ||
      typeof one['valueString'] !== 'string' ||
      Object.keys(one).length !== 2,
  );
  if (wrong) throw invalid('Each Basic.extension has a url and a valueString, and nothing else.');
}

function codeOf(basic: JsonObject): { system: string; code: string } {
  const codings = objectOf(basic['code'])?.['coding'];
  const [coding, second] = Array.isArray(codings) ? codings.map(objectOf) : [];
  const { system, code } = coding ?? {};
  if (second !== undefined || typeof system !== 'string' || typeof code !== 'string' || system === '' || code === '') {
    throw invalid('Basic.code has one coding, with system and code.');
  }
  return { system, code };
}

function subjectOf(basic: JsonObject): string {
  if (basic['subject'] === undefined) return '';
  const reference = objectOf(basic['subject'])?.['reference'];
  if (typeof reference === 'string' && /^https?:\/\//.test(reference)) return reference;
  throw invalid('Basic.subject is an absolute reference.');
}

/** As it is answered. */
export function basicOf({ id, version, changed, content }: AppState): JsonObject {
  const { resourceType, ...rest } = parseJson(content) as JsonObject;
  return {
    resourceType: resourceType ?? 'Basic',
    id,
    meta: { versionId: String(version), lastUpdated: changed },
    ...rest,
  };
}

function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

function invalid(sentence: string): Error {
  return outcomeError('invalid', sentence, { status: 400 });
}
