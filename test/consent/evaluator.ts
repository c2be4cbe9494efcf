/**
 * A second, naive answer to whether consents let a request have a resource: the Consents themselves, read in memory for
 * each resource, without the server's rules and rows. Also for security labels.
 */
import type { Caller } from '../../src/access/caller.ts';
import { ancestorsOf } from '../../src/fhir/terminology.ts';
import { compartmentCondition } from '../../src/search/compartment.ts';
import { dateInterval, endless } from '../../src/search/interval.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import type { JsonObject, JsonValue } from '../../src/fhir/json.ts';
import { holds } from '../search/evaluator.ts';

export interface Request {
  readonly actors: readonly string[];
  readonly purposes: readonly string[];
  readonly actions: readonly string[];
  readonly otherwise: 'permit' | 'deny';
  /** The patient who asks: no consent of his binds him. */
  readonly self?: string | undefined;
}

interface World {
  readonly consents: readonly JsonObject[];
  readonly resources: readonly JsonObject[];
}

const list = (value: JsonValue | undefined): JsonObject[] => (Array.isArray(value) ? (value as JsonObject[]) : []);
const nameOf = ({ resourceType, id }: JsonObject): string => `${String(resourceType)}/${String(id)}`;

/** Whether all patients whom the resource belongs to let it through. */
export function consented(request: Request, resource: JsonObject, world: World): boolean {
  if (resource['resourceType'] === 'Consent') return true;
  return patientsOf(resource, world).every((patient) => {
    if (`Patient/${patient}` === request.self) return true;
    const decisions = world.consents
      .filter((consent) => (consent['patient'] as JsonObject)['reference'] === `Patient/${patient}`)
      .map((consent) => decide(consent, request, { resource, world }))
      .filter((decision) => decision !== undefined);
    if (decisions.includes('deny')) return false;
    return decisions.length > 0 || request.otherwise === 'permit';
  });
}

function patientsOf(resource: JsonObject, { resources }: World): string[] {
  const named = JSON.stringify(resource).match(/Patient\/[A-Za-z0-9.-]+/g) ?? [];
  const ids = [...new Set([...named.map((one) => one.slice(8)), String(resource['id'])])];
  return ids.filter((id) => holds(compartmentCondition('Patient', id, defaultParameters), resource, resources));
}

interface About {
  readonly resource: JsonObject;
  readonly world: World;
}

interface Found {
  readonly depth: number;
  readonly type: string;
}

function decide(consent: JsonObject, request: Request, about: About): string | undefined {
  if (consent['status'] !== 'active') return undefined;
  const base = (consent['provision'] ?? {}) as JsonObject;
  const found = matching(base, {}, 1, request, about);
  const alone = base['type'] === 'permit' && asksForData(base) && isNow(base['period'] as JsonObject | undefined);
  if (alone && concerns(base, request)) found.push({ depth: 0, type: 'deny' });
  const deepest = Math.max(...found.map(({ depth }) => depth));
  const types = found.filter(({ depth }) => depth === deepest).map(({ type }) => type);
  return types.includes('deny') ? 'deny' : types[0];
}

function matching(own: JsonObject, parent: JsonObject, depth: number, request: Request, about: About): Found[] {
  if (!isNow(own['period'] as JsonObject | undefined)) return [];
  const merged = { ...parent, ...own };
  const here = concerns(merged, request) && covers(merged, about) ? [{ depth, type: String(own['type']) }] : [];
  const { provision: _nested, period: _period, type: _type, ...inherited } = merged;
  return [...here, ...list(own['provision']).flatMap((child) => matching(child, inherited, depth + 1, request, about))];
}

function isNow(period: JsonObject | undefined): boolean {
  const { low, high } = intervalOf(period ?? {});
  return low <= Date.now() && Date.now() < high;
}

function intervalOf({ start, end }: JsonObject): { low: number; high: number } {
  const low = typeof start === 'string' ? dateInterval(start, 'UTC')?.low : undefined;
  const high = typeof end === 'string' ? dateInterval(end, 'UTC')?.high : undefined;
  return { low: low ?? -endless, high: high ?? endless };
}

const referenceOf = (value: JsonObject): string => String((value['reference'] as JsonObject)['reference']);

function concerns(provision: JsonObject, { actors, purposes, actions }: Request): boolean {
  const covering = purposes.flatMap((code) => [
    ...(ancestorsOf('http://terminology.hl7.org/CodeSystem/v3-ActReason', code) ?? []),
  ]);
  const any = (name: string, matches: (one: JsonObject) => boolean): boolean =>
    provision[name] === undefined || list(provision[name]).some(matches);
  return (
    any('actor', (actor) => actors.includes(referenceOf(actor))) &&
    any('purpose', ({ code }) => covering.includes(String(code))) &&
    any('action', ({ coding }) => list(coding).some(({ code }) => actions.includes(String(code))))
  );
}

const dataNames = ['class', 'code', 'securityLabel', 'dataPeriod', 'data'];

function asksForData(provision: JsonObject): boolean {
  return dataNames.some((name) => provision[name] !== undefined);
}

function covers(provision: JsonObject, about: About): boolean {
  const { resource } = about;
  const any = (name: string, matches: (one: JsonObject) => boolean): boolean =>
    provision[name] === undefined || list(provision[name]).some(matches);
  const codings = codingsIn(resource);
  const labels = labelsOf(resource);
  return (
    any('class', ({ code }) => code === resource['resourceType']) &&
    any('code', ({ coding }) => list(coding).some((one) => codings.includes(codeText(one)))) &&
    any('securityLabel', (label) =>
      widened(label, provision['type'] === 'deny').some((code) => labels.includes(code)),
    ) &&
    any('data', (one) => relates(String(one['meaning']), referenceOf(one), about)) &&
    (provision['dataPeriod'] === undefined || isWithin(provision, resource))
  );
}

const codeText = ({ system, code }: JsonObject): string => `${String(system)}|${String(code)}`;

function codingsIn(value: JsonValue): string[] {
  if (Array.isArray(value)) return value.flatMap(codingsIn);
  if (typeof value !== 'object' || value === null) return [];
  const own = 'system' in value && 'code' in value ? [codeText(value)] : [];
  return [...own, ...Object.values(value).flatMap(codingsIn)];
}

const degrees = ['U', 'L', 'M', 'N', 'R', 'V'];

export function labelsOf({ meta }: JsonObject): string[] {
  const given = list((meta as JsonObject | undefined)?.['security']).map(({ code }) => String(code));
  return given.length > 0 ? given : ['N'];
}

function widened({ code }: JsonObject, denied: boolean): string[] {
  return denied ? degrees.slice(degrees.indexOf(String(code))) : [String(code)];
}

function referencesIn(value: JsonValue): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== 'object' || value === null) return [];
  const { reference } = value;
  const own = typeof reference === 'string' ? [reference.replace(/\/_history\/.*/, '')] : [];
  return [...own, ...Object.values(value).flatMap(referencesIn)];
}

function relates(meaning: string, reference: string, { resource, world }: About): boolean {
  if (meaning === 'authoredby') return referencesIn(resource['performer'] ?? null).includes(reference);
  if (nameOf(resource) === reference) return true;
  if (meaning === 'instance') return false;
  if (referencesIn(resource).includes(reference)) return true;
  const named = world.resources.find((one) => nameOf(one) === reference);
  return meaning === 'related' && named !== undefined && referencesIn(named).includes(nameOf(resource));
}

function isWithin({ dataPeriod, type }: JsonObject, resource: JsonObject): boolean {
  const wanted = intervalOf(dataPeriod as JsonObject);
  const { low, high } = dateOf(resource);
  return type === 'permit' ? low >= wanted.low && high <= wanted.high : low < wanted.high && high > wanted.low;
}

/** Without a date of its own, when it was written: now. */
function dateOf({ effectiveDateTime, effectivePeriod }: JsonObject): { low: number; high: number } {
  const period = effectivePeriod as JsonObject | undefined;
  if (period?.['start'] !== undefined || period?.['end'] !== undefined) return intervalOf(period);
  const now = Date.now();
  return (
    (typeof effectiveDateTime === 'string' && dateInterval(effectiveDateTime, 'UTC')) || { low: now, high: now + 1 }
  );
}

export function cleared({ clearance }: Pick<Caller, 'clearance'>, resource: JsonObject): boolean {
  return clearance === 'all' || labelsOf(resource).every((label) => clearance.includes(label));
}
