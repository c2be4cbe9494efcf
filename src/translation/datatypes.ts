/**
 * Data types of HL7 v2 → data types of FHIR, as the v2-to-FHIR guide maps them (data type maps CX, CWE, XPN, XAD, XTN, EI,
 * HD, XCN, XON). Each gives undefined where nothing was said.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader, Repetition } from '../hl7v2/message.ts';
import { addressUses, codingSystem, identifierTypes, isLocalSystem, localSystem, nameUses } from './codes.ts';
import { dateTime } from './times.ts';
import type { Found, Settings, Target } from './translation.ts';

/** The members that are there. */
export function object(members: Record<string, JsonObject[string] | undefined>): JsonObject {
  const there: JsonObject = {};
  for (const name in members) {
    const value = members[name];
    if (value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)) there[name] = value;
  }
  return there;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** HD: namespace, universal id, its type. `undefined` where no authority is named. */
export function systemOf(settings: Settings, namespace: string, universal = '', type = ''): string | undefined {
  const named = settings.systems[namespace] ?? settings.systems[universal];
  if (named !== undefined) return named;
  if (universal !== '') {
    if (/^[0-2](\.(0|[1-9]\d*))+$/.test(universal)) return `urn:oid:${universal}`;
    if (/^(UUID|GUID)$/.test(type) && uuid.test(universal)) return `urn:uuid:${universal.toLowerCase()}`;
    if (/^[a-z][a-z0-9+.-]*:\S+$/i.test(universal)) return universal;
    return `urn:makhbar:hl7v2:authority:${encodeURIComponent(universal)}`;
  }
  return namespace === '' ? undefined : `urn:makhbar:hl7v2:authority:${encodeURIComponent(namespace)}`;
}

/** CX, with the authority that is meant where it names none. */
export function identifier(settings: Settings, cx: Repetition, authority: string): JsonObject | undefined {
  const value = cx.text(1);
  if (value === '') return undefined;
  const system = systemOf(settings, cx.text(4, 1), cx.text(4, 2), cx.text(4, 3)) ?? systemOf(settings, authority);
  const type = cx.text(5);
  const period = object({ start: dateTime(cx.text(7), settings.zone), end: dateTime(cx.text(8), settings.zone) });
  return object({
    type: type === '' ? undefined : { coding: [{ system: identifierTypes, code: type }] },
    system,
    value,
    period: Object.keys(period).length === 0 ? undefined : period,
  });
}

/** EI: a placer's or a filler's number. */
export function entityIdentifier(
  settings: Settings,
  ei: Repetition,
  { type, authority }: { type?: string; authority: string },
): JsonObject | undefined {
  const value = ei.text(1);
  if (value === '') return undefined;
  return object({
    type: type === undefined ? undefined : { coding: [{ system: identifierTypes, code: type }] },
    system: systemOf(settings, ei.text(2), ei.text(3), ei.text(4)) ?? systemOf(settings, authority),
    value,
  });
}

/** What finds the resource of an identifier again; nothing for one without a system, which anybody might use. */
export function byIdentifier(found: JsonObject | undefined): Found[] {
  const { system, value } = (found ?? {}) as { system?: string; value?: string };
  return system === undefined || value === undefined ? [] : [{ system, value }];
}

/** XPN. */
export function humanName(xpn: Repetition, zone: string): JsonObject | undefined {
  const [family, given, further] = [xpn.text(1), xpn.text(2), xpn.text(3)];
  const suffix = [xpn.text(4), xpn.text(6)].filter((text) => text !== '');
  const name = object({
    use: nameUses[xpn.text(7)],
    family,
    given: [given, ...further.split(' ')].filter((text) => text !== ''),
    prefix: [xpn.text(5)].filter((text) => text !== ''),
    suffix,
    period: period(xpn.text(12), xpn.text(13), zone),
  });
  return family === '' && given === '' && further === '' ? undefined : name;
}

function period(start: string, end: string, zone: string): JsonObject | undefined {
  const found = object({ start: dateTime(start, zone), end: dateTime(end, zone) });
  return Object.keys(found).length === 0 ? undefined : found;
}

/** XAD. */
export function address(xad: Repetition): JsonObject | undefined {
  if (xad.empty) return undefined;
  const kind = xad.text(7);
  return object({
    use: addressUses[kind],
    type: kind === 'M' ? 'postal' : undefined,
    line: [xad.text(1), xad.text(2)].filter((text) => text !== ''),
    city: xad.text(3),
    district: xad.text(9),
    state: xad.text(4),
    postalCode: xad.text(5),
    country: xad.text(6),
  });
}

/** XTN: the number as it was written, else of its parts. */
export function contactPoint(xtn: Repetition, use?: string): JsonObject | undefined {
  const [equipment, mail] = [xtn.text(3), xtn.text(4)];
  const parts = [xtn.text(5) === '' ? '' : `+${xtn.text(5)}`, xtn.text(6), xtn.text(7)].filter((text) => text !== '');
  const written = xtn.text(12) || xtn.text(1);
  const isMail =
    mail !== '' && (equipment === 'Internet' || equipment === 'X.400' || (written === '' && parts.length === 0));
  const value = isMail ? mail : written || parts.join(' ');
  if (value === '') return undefined;
  const system = isMail ? 'email' : equipment === 'FX' ? 'fax' : equipment === 'BP' ? 'pager' : 'phone';
  const uses: Record<string, string> = { PRN: 'home', ORN: 'home', WPN: 'work', VHN: 'temp' };
  return object({ system, value, use: equipment === 'CP' ? 'mobile' : (uses[xtn.text(2)] ?? use) });
}

/** CWE, CE, CNE: both codings and the text; what is mapped comes first, what was sent stays. */
export function concept(
  target: Target,
  cwe: Repetition,
  place: { segment: string; sequence: number; field: number },
): JsonObject | undefined {
  const given = present([coding(cwe, 1, 7), coding(cwe, 4, 8), coding(cwe, 10, 13)]);
  const mapped = given.flatMap(({ system, code, display }) => {
    if (!isLocalSystem(system)) return [];
    const found = target.settings.mapped(system, code);
    if (found === undefined && !given.some((other) => !isLocalSystem(other.system))) {
      target.unmapped({ system, code, display: display ?? '', place });
    }
    return found === undefined ? [] : [found];
  });
  const text = cwe.text(9) || cwe.text(2) || (given.length === 0 ? cwe.text(5) : '');
  const found = object({ coding: [...mapped, ...given.map((one) => object({ ...one }))], text });
  return Object.keys(found).length === 0 ? undefined : found;
}

interface Coded {
  readonly system: string;
  readonly version?: string;
  readonly code: string;
  readonly display?: string;
}

/** Components `at`, `at`+1, `at`+2: code, text, system; `version` that of the system. */
function coding(cwe: Repetition, at: number, version: number): Coded | undefined {
  const [code, display, name] = [
    cwe.text(at).trim().replaceAll(/\s+/g, ' '),
    cwe.text(at + 1),
    cwe.text(at + 2).trim(),
  ];
  if (code === '') return undefined;
  const edition = cwe.text(version);
  return {
    system: codingSystem(name) ?? localSystem(''),
    ...(edition !== '' && { version: edition }),
    code,
    ...(display !== '' && { display }),
  };
}

/** XCN: a person of the staff, as a resource of the message. */
export function practitioner(target: Target, xcn: Repetition, authority: string): JsonObject | undefined {
  const { settings } = target;
  const name = staffName(xcn);
  const id = xcn.text(1);
  if (id === '' && name === undefined) return undefined;
  const system = systemOf(settings, xcn.text(9, 1), xcn.text(9, 2), xcn.text(9, 3)) ?? systemOf(settings, authority);
  if (id === '') return { display: displayName(name) };
  const found = object({ system, value: id });
  const display = displayName(name);
  const reference = target.add(
    object({ resourceType: 'Practitioner', identifier: [found], name: name === undefined ? undefined : [name] }),
    byIdentifier(found),
  );
  return object({ ...reference, display });
}

function staffName(xcn: Repetition): JsonObject | undefined {
  const [family, given, further] = [xcn.text(2), xcn.text(3), xcn.text(4)];
  if (family === '' && given === '') return undefined;
  return object({
    family,
    given: [given, further].filter((text) => text !== ''),
    prefix: [xcn.text(6)].filter((text) => text !== ''),
    suffix: [xcn.text(5), xcn.text(7)].filter((text) => text !== ''),
  });
}

function displayName(name: JsonObject | undefined): string {
  const {
    prefix = [],
    given = [],
    family = '',
  } = (name ?? {}) as { prefix?: string[]; given?: string[]; family?: string };
  return [...prefix, ...given, family].filter((text) => text !== '').join(' ');
}

/** What the repetitions of a field become. */
export function allOf<T>(segment: FieldReader, field: number, read: (one: Repetition) => T | undefined): T[] {
  return present(segment.repetitions(field).map(read));
}

/** Those that are there. */
export function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}

/** A component whose subcomponents are what the components of a field are. */
export function within(segment: FieldReader, field: number, component: number): Repetition {
  const raw = segment.first(field).part(component);
  return {
    raw,
    empty: raw === '',
    components: 9,
    part: () => '',
    text: (at = 1) => segment.text(field, component, at),
  };
}
