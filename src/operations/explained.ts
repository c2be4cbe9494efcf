/** A message of an interface, explained (src/translation/explain.ts): stored or only tried, for $explain-message and `makhbar messages explain`. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { systemOf } from '../fhir/terminology-system.ts';
import { mappedBy } from '../gateways/concept-maps.ts';
import { readInterface } from '../gateways/hl7v2/settings.ts';
import { isBatch } from '../hl7v2/batch.ts';
import { decodeMessage } from '../hl7v2/charset.ts';
import { namesOf } from '../hl7v2/dictionary.ts';
import { readHeader } from '../hl7v2/header.ts';
import { NoMessage, parseMessage, sizeFault, type Message } from '../hl7v2/message.ts';
import { parseStored } from '../interactions/document.ts';
import { settingsOfType } from '../store/endpoints.ts';
import type { Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import { explain, type Explanation } from '../translation/explain.ts';
import type { Settings } from '../translation/translation.ts';

export interface Explaining {
  readonly session: Session;
  readonly tenant: Tenant;
  readonly endpoint: JsonObject;
}

/** @throws OutcomeError `invalid` for what is no message */
export async function explained(of: Explaining, message: Message): Promise<Explanation> {
  const names = await namesOf(readHeader(message).version);
  return explain(message, { settings: await translating(of), names, meaning: tableText, breathe: breathing() });
}

/** How messages of the interface are translated now. */
export async function translating({ session, tenant, endpoint }: Explaining): Promise<Settings> {
  const own = readInterface(endpoint);
  const named = own?.conceptMaps ?? [];
  const maps = named.length === 0 ? [] : (await settingsOfType(session, 'ConceptMap')).map((text) => parseStored(text));
  return {
    zone: own?.zone ?? tenant.settings.timezone ?? 'UTC',
    systems: own?.systems ?? {},
    mapped: mappedBy(maps, named),
    ...(own?.law !== undefined && { analyzer: asNamed(own.id, own.law.device) }),
  };
}

/** Of an analyzer: an order is shown as OBR-2 names it; nothing is looked up. */
function asNamed(name: string, device: string | undefined): NonNullable<Settings['analyzer']> {
  return {
    interface: name,
    device: device === undefined ? undefined : { reference: device },
    order: (number) => (number === '' ? undefined : { id: number }),
    specimen: () => undefined,
  };
}

/** @throws OutcomeError `invalid` with what a message must be */
export function oneMessage(given: string | Buffer, endpoint: JsonObject): Message {
  const text = typeof given === 'string' ? given : decodeMessage(given, readInterface(endpoint)?.charset).text;
  const message = parsed(text);
  const fault =
    sizeFault(message) ?? (isBatch(message) ? 'One message at a time is explained, not a batch.' : undefined);
  if (fault !== undefined) throw outcomeError('invalid', fault, { status: 400 });
  return message;
}

function parsed(text: string): Message {
  try {
    return parseMessage(text);
  } catch (error) {
    if (error instanceof NoMessage) throw outcomeError('invalid', error.message, { status: 400 });
    throw error;
  }
}

/** The tables of HL7 v2, as FHIR has them. */
function tableText(table: number, code: string): string | undefined {
  const url = `http://terminology.hl7.org/CodeSystem/v2-${String(table).padStart(4, '0')}`;
  return systemOf(url)?.concepts.get(code)?.display;
}

/** Milliseconds at a stretch. */
const stretch = 15;

function breathing(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < stretch) return;
    await nextTurn();
    since = performance.now();
  };
}
