/** The provisions of a Consent as rules, each with what it inherits (consent.ts says by which rules). */
import type { JsonObject } from '../fhir/json.ts';
import { endless } from '../search/interval.ts';
import { anyData, anyRequest, type ConsentData, type ConsentRequest, type ConsentRule } from './consent-rule.ts';
import { actions, actors, data, labels, purposes, resourceClass } from './consent-demands.ts';
import { codes, elements, hasCode, periodOf, refusal, type ConsentContext } from './consent-elements.ts';

/** Levels of nested provisions, the base being the first. */
const deepest = 8;
/** Provisions of one Consent: a guess that no honest one reaches. Each is looked at for every resource of the patient. */
const most = 200;

interface Inherited {
  readonly request: ConsentRequest;
  readonly data: ConsentData;
  readonly low: number;
  readonly high: number;
}

/** @param from when the Consent begins, in milliseconds since 1970 */
export function provisionRules(consent: JsonObject, from: number, context: ConsentContext): ConsentRule[] {
  const base = (consent['provision'] ?? {}) as JsonObject;
  const start: Inherited = { request: anyRequest, data: anyData, low: from, high: endless };
  const type = baseType(consent, base);
  const rules = rulesOf({ provision: base, path: 'Consent.provision', depth: 1, permit: type }, start, context);
  if (rules.length === 0) {
    throw refusal(
      'Consent.provision',
      'it neither permits nor denies: it needs a type, or a policyRule OPTIN or OPTOUT',
    );
  }
  if (rules.length > most) throw refusal('Consent.provision', `it has more than ${most} provisions`);
  const first = rules[0];
  return first !== undefined && type === true && isSelective(first) ? [otherwise(first), ...rules] : rules;
}

/** A permitting base that names resources denies the others. */
function otherwise(base: ConsentRule): ConsentRule {
  return { ...base, ...anyData, depth: 0, permit: false };
}

function isSelective(rule: ConsentRule): boolean {
  return Object.keys(anyData).some((name) => rule[name as keyof ConsentData] !== undefined);
}

const policySystem = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const permitting = ['OPTIN', 'OPTINR'];
const denying = ['OPTOUT', 'OPTOUTE'];

/** Undefined: the base decides nothing by itself. */
function baseType(consent: JsonObject, base: JsonObject): boolean | undefined {
  const codings = elements((consent['policyRule'] as JsonObject | undefined)?.['coding']);
  const named = (names: readonly string[]): boolean => names.some((code) => hasCode(codings, policySystem, code));
  const policy = named(denying) ? false : named(permitting) ? true : undefined;
  const written = base['type'] === undefined ? undefined : typeOf('Consent.provision', base);
  if (policy !== undefined && written !== undefined && policy !== written) {
    throw refusal('Consent.provision.type', 'policyRule says the contrary');
  }
  return written ?? policy;
}

function typeOf(path: string, { type }: JsonObject): boolean {
  if (type === 'permit' || type === 'deny') return type === 'permit';
  throw refusal(`${path}.type`, 'a provision permits or denies');
}

interface Place {
  readonly provision: JsonObject;
  readonly path: string;
  readonly depth: number;
  readonly permit: boolean | undefined;
}

function rulesOf({ provision, path, depth, permit }: Place, parent: Inherited, context: ConsentContext): ConsentRule[] {
  if (depth > deepest) throw refusal(path, `provisions may be nested ${deepest} levels deep`);
  const own = demands(provision, { path, permit: permit ?? true, parent, context });
  const { request, data: wanted, low, high } = own;
  const rule = permit === undefined ? [] : [{ ...request, ...wanted, path, depth, permit, low, high }];
  const nested = elements(provision['provision']).flatMap((child, i) => {
    const at = `${path}.provision[${i}]`;
    return rulesOf({ provision: child, path: at, depth: depth + 1, permit: typeOf(at, child) }, own, context);
  });
  return [...rule, ...nested];
}

interface Reading {
  readonly path: string;
  readonly permit: boolean;
  readonly parent: Inherited;
  readonly context: ConsentContext;
}

function demands(provision: JsonObject, { path, permit, parent, context }: Reading): Inherited {
  const { request } = parent;
  const period = periodOf(`${path}.period`, provision['period'], context);
  return {
    request: {
      actors: actors(path, provision, context) ?? request.actors,
      actions: actions(path, provision) ?? request.actions,
      purposes: purposes(path, provision) ?? request.purposes,
    },
    data: {
      ...parent.data,
      ...resourceClass(path, provision),
      ...data(path, provision, context),
      codes: codes(`${path}.code`, provision['code']) ?? parent.data.codes,
      labels: labels(path, provision, permit) ?? parent.data.labels,
      dataPeriod: periodOf(`${path}.dataPeriod`, provision['dataPeriod'], context) ?? parent.data.dataPeriod,
    },
    low: Math.max(parent.low, period?.low ?? -endless),
    high: Math.min(parent.high, period?.high ?? endless),
  };
}
