/** Reading the elements of a Consent strictly: what is not understood to the last part is refused, with its place. */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { outcomeError, type OutcomeError } from '../fhir/outcome.ts';
import { parseReference } from '../fhir/reference.ts';
import { dateInterval, endless } from '../search/interval.ts';

/** What of the laboratory decides how a Consent is read. */
export interface ConsentContext {
  /** Zone of dates without one. */
  readonly zone: string;
  /** Our own addresses: references below them are local. */
  readonly bases: readonly string[];
}

export function refusal(expression: string, rule: string): OutcomeError {
  return outcomeError('business-rule', `This Consent cannot be enforced: ${expression}: ${rule}.`, { expression });
}

/** The objects of a repeating element. */
export function elements(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

export function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function hasCode(codings: readonly JsonObject[], system: string | undefined, code: string): boolean {
  return codings.some((coding) => text(coding['system']) === system && coding['code'] === code);
}

/** A modifier changes what is said in a way that nobody here knows. */
export function checkModifiers(value: JsonValue, path = 'Consent'): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    value.forEach((item, i) => checkModifiers(item, `${path}[${i}]`));
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (name === 'modifierExtension' || name === 'implicitRules') {
      throw refusal(`${path}.${name}`, 'it changes the meaning in a way that is not known here');
    }
    if (name !== 'contained' && name !== 'text') checkModifiers(member, `${path}.${name}`);
  }
}

/** `Practitioner/1`. @throws OutcomeError for all that is not on this server, or not named by its id. */
export function localReference(path: string, reference: JsonObject | undefined, context: ConsentContext): string {
  const written = text(reference?.['reference']);
  if (written === undefined) throw refusal(path, 'it must be a reference by id, as in Patient/1');
  const parsed = parseReference(written, context.bases);
  if (parsed?.kind === 'local') return `${parsed.type}/${parsed.id}`;
  throw refusal(path, `"${written.slice(0, 100)}" is no resource of this laboratory`);
}

/** The codings of CodeableConcepts, or of Codings, each `system|code`. */
export function codes(path: string, value: JsonValue | undefined): string[] | undefined {
  const given = elements(value);
  if (given.length === 0) return undefined;
  return given.flatMap((item, i) => {
    const codings = Array.isArray(item['coding']) ? elements(item['coding']) : [item];
    const known = codings.flatMap((coding) => coded(coding) ?? []);
    if (known.length === 0) throw refusal(`${path}[${i}]`, 'it needs a code with its system');
    return known;
  });
}

function coded({ system, code }: JsonObject): string | undefined {
  const [inSystem, written] = [text(system), text(code)];
  return inSystem === undefined || written === undefined ? undefined : `${inSystem}|${written}`;
}

/** Codes of one system alone. */
export function codesOf(
  path: string,
  value: JsonValue | undefined,
  { system, known }: { system: string; known: (code: string) => boolean },
): string[] | undefined {
  return codes(path, value)?.map((one) => {
    const code = one.startsWith(`${system}|`) ? one.slice(system.length + 1) : '';
    if (known(code)) return code;
    throw refusal(path, `"${one.slice(0, 100)}" is not known here; it takes codes of ${system}`);
  });
}

/** The start of a dateTime; as early as can be where there is none. */
export function startOf(path: string, value: JsonValue | undefined, { zone }: ConsentContext): number {
  return value === undefined ? -endless : intervalOf(path, value, zone).low;
}

/** [low, high) of a Period, both ends included as FHIR has it. */
export function periodOf(
  path: string,
  value: JsonValue | undefined,
  { zone }: ConsentContext,
): { low: number; high: number } | undefined {
  if (value === undefined) return undefined;
  const { start, end } = value as JsonObject;
  if (start === undefined && end === undefined) throw refusal(path, 'it needs a start or an end');
  const low = start === undefined ? -endless : intervalOf(`${path}.start`, start, zone).low;
  const high = end === undefined ? endless : intervalOf(`${path}.end`, end, zone).high;
  if (low >= high) throw refusal(path, 'it ends before it begins');
  return { low, high };
}

function intervalOf(path: string, value: JsonValue, zone: string): { low: number; high: number } {
  const interval = typeof value === 'string' ? dateInterval(value, zone) : undefined;
  if (interval === undefined) throw refusal(path, 'it is no date');
  return interval;
}
