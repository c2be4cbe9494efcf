/**
 * What a scope lets an app do, in words: `patient/Observation.rs?category=…|laboratory` → "Read your laboratory results".
 * https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
 *
 * 1. Nothing is left out: a restriction that has no words of its own is shown as it is written, so is a scope that is
 *    not understood.
 */
import { parseScope, type Scope } from '../access/scopes.ts';
import type { Texts } from './texts/en.ts';

export interface ScopeWords {
  readonly label: string;
  /** Whom or which records it is about. */
  readonly detail?: string;
  /** A restriction as written, such as `code=1234-5`. */
  readonly where?: string;
}

/** @param self the patient in context is the one who signs in */
export function scopeWords(texts: Texts, scope: string, self: boolean): ScopeWords {
  const named = Object.hasOwn(plain, scope) ? plain[scope] : undefined;
  if (named !== undefined) return { label: texts.scopes[named] };
  const parsed = scopeOf(scope);
  return parsed === undefined ? { label: `${texts.scopes.other}: ${scope}` } : permissionWords(texts, parsed, self);
}

function scopeOf(scope: string): Scope | undefined {
  try {
    return parseScope(scope);
  } catch {
    return undefined;
  }
}

/** Scopes that only tell the app something about itself; they are not choices. */
export function isContextScope(scope: string): boolean {
  return /^launch(\/.*)?$|^(fhirUser|profile)$/.test(scope);
}

const plain: Readonly<Record<string, 'openid' | 'launch' | 'patient' | 'encounter' | 'offline' | 'online'>> = {
  openid: 'openid',
  fhirUser: 'openid',
  profile: 'openid',
  launch: 'launch',
  'launch/patient': 'patient',
  'launch/encounter': 'encounter',
  offline_access: 'offline',
  online_access: 'online',
};

function permissionWords(texts: Texts, scope: Scope, self: boolean): ScopeWords {
  const { scopes, locale } = texts;
  const verbs = new Intl.ListFormat(locale, { type: 'conjunction' }).format(verbsOf(texts, scope.permissions));
  const { things, where } = thingsOf(texts, scope);
  const own = scope.context === 'patient' && self;
  const label = own ? scopes.yours(verbs, things) : scopes.permission(verbs, things);
  const detail = own ? undefined : scope.context === 'patient' ? scopes.ofPatient : scopes.ofUser;
  return {
    label: label.charAt(0).toLocaleUpperCase(locale) + label.slice(1),
    ...(detail !== undefined && { detail }),
    ...(where !== undefined && { where }),
  };
}

/** Reading and searching are one deed to a person. */
function verbsOf({ scopes: { verbs } }: Texts, permissions: string): string[] {
  const has = (letters: RegExp): boolean => letters.test(permissions);
  return [
    has(/[rs]/) && verbs.read,
    has(/c/) && verbs.create,
    has(/u/) && verbs.update,
    has(/d/) && verbs.delete,
  ].filter((verb) => verb !== false);
}

const category = 'http://terminology.hl7.org/CodeSystem/observation-category|';

function thingsOf({ things, scopes }: Texts, { type, filter }: Scope): { things: string; where?: string } {
  const words = Object.hasOwn(things, type) ? things[type as keyof typeof things] : scopes.ofType(type);
  if (filter === undefined) return { things: words };
  const only = [...new URLSearchParams(filter)];
  const code = only.length === 1 && only[0]?.[0] === 'category' ? only[0][1].replace(category, '') : undefined;
  if (type === 'Observation' && (code === 'laboratory' || code === 'vital-signs')) return { things: things[code] };
  return { things: words, where: only.map(([name, value]) => `${name}=${value}`).join(' & ') };
}
