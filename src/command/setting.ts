/** `makhbar tenant set <name> <setting> <value>`, and `unset`: the settings of a laboratory, each with what it takes. */
import { isAbsolute } from 'node:path';
import { thing } from '../audit/security.ts';
import { allRoles } from '../accounts/administration.ts';
import { plans } from '../access/plans.ts';
import { bytes } from '../config/readers.ts';
import { patternProblem } from '../laboratory/accession-number.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { isColour } from '../pages/colour.ts';
import { sessionOf } from '../store/accounts.ts';
import type { Database } from '../store/pool.ts';
import { changeTenantSettings, findTenant, unsetTenantSettings, type TenantSettings } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { notingTenant } from './note.ts';

interface Kind<T> {
  takes: string;
  /** Undefined where the text is no such value. */
  read(written: string): T | undefined;
}

const yesOrNo: Kind<boolean> = {
  takes: 'true or false',
  read: (written) => ({ true: true, false: false })[written],
};

const requests: Kind<number> = {
  takes: 'a whole number, 0 for no limit',
  read: (written) => (/^\d{1,9}$/.test(written) ? Number(written) : undefined),
};

const plan: Kind<string> = {
  takes: `one of ${Object.keys(plans).join(', ')}`,
  read: (written) => (Object.hasOwn(plans, written) ? written : undefined),
};

const size: Kind<number> = {
  takes: 'a size such as 500MB or 50GB, 0 for no limit',
  read: (written) => (written === '0' ? 0 : sizeOf(written)),
};

function sizeOf(written: string): number | undefined {
  try {
    return bytes(written, 'size');
  } catch {
    return undefined;
  }
}

const passwordLength: Kind<number> = {
  takes: 'a whole number from 12 to 64',
  read: (written) =>
    /^\d\d$/.test(written) && Number(written) >= 12 && Number(written) <= 64 ? Number(written) : undefined,
};

const roleNames: Kind<string[]> = {
  takes: 'names of roles separated by commas, or none',
  read: (written) => {
    const names = written === 'none' ? [] : written.split(',');
    return names.every((name) => /^[a-z][a-z0-9-]{1,62}$/.test(name)) ? names : undefined;
  },
};

const callers: Kind<string[]> = {
  takes: 'up to 10 roles, or references such as Practitioner/1, separated by commas; or none',
  read: (written) => {
    if (written === 'none') return [];
    const all = written.split(',');
    const isOne = (one: string): boolean =>
      /^[a-z][a-z0-9-]{1,62}$/.test(one) ||
      /^(Practitioner|PractitionerRole|Organization)\/[A-Za-z0-9.-]{1,64}$/.test(one);
    return all.length <= 10 && all.every(isOne) ? all : undefined;
  },
};

const permitOrDeny: Kind<'permit' | 'deny'> = {
  takes: 'permit (opt-out) or deny (opt-in)',
  read: (written) => (written === 'permit' || written === 'deny' ? written : undefined),
};

const minutes: Kind<number> = {
  takes: 'a whole number from 1 to 60',
  read: (written) =>
    /^\d\d?$/.test(written) && Number(written) >= 1 && Number(written) <= 60 ? Number(written) : undefined,
};

const webAddress: Kind<string> = {
  takes: 'an https address',
  read: (written) => (URL.canParse(written) && new URL(written).protocol === 'https:' ? written : undefined),
};

const folder: Kind<string> = {
  takes: 'an absolute path, or none',
  read: (written) => (written === 'none' ? '' : isAbsolute(written) && !written.includes('\0') ? written : undefined),
};

const webhook: Kind<string> = {
  takes: 'an https address, an http address of this machine, or none',
  read: (written) => {
    if (written === 'none') return '';
    const url = URL.canParse(written) ? new URL(written) : undefined;
    const local = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
    return url !== undefined && url.username === '' && (url.protocol === 'https:' || local) ? url.href : undefined;
  },
};

const colour: Kind<string> = {
  takes: 'a colour such as #0b5d63',
  read: (written) => (isColour(written) ? written.toLowerCase() : undefined),
};

const line: Kind<string> = {
  takes: 'a text of 3 to 300 characters',
  read: (written) => (/^[^\p{Cc}]{3,300}$/u.test(written) ? written : undefined),
};

const countries: Kind<string[]> = {
  takes: 'codes of countries (ISO 3166) separated by commas, such as TN,FR',
  read: (written) => (/^[A-Z]{2}(,[A-Z]{2})*$/.test(written) ? written.split(',') : undefined),
};

const zone: Kind<string> = {
  takes: 'a time zone such as Africa/Tunis',
  read: (written) => (isZone(written) ? written : undefined),
};

const accessionPattern: Kind<string> = {
  takes: 'a pattern such as {yy}{mm}{dd}-{n:4}{check}, with {section} where each section counts for itself',
  read: (written) => (patternProblem(written) === undefined ? written : undefined),
};

function isZone(written: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: written });
    return true;
  } catch {
    return false;
  }
}

const settings: { [Name in keyof Required<TenantSettings>]: Kind<NonNullable<TenantSettings[Name]>> } = {
  clientIds: yesOrNo,
  requireIfMatch: yesOrNo,
  referentialIntegrity: yesOrNo,
  multipleDelete: yesOrNo,
  plan,
  rateLimit: requests,
  totalRateLimit: requests,
  storageLimit: size,
  exportConcurrency: requests,
  accessTokenMinutes: minutes,
  dynamicRegistration: yesOrNo,
  logo: webAddress,
  colour,
  website: webAddress,
  accessionPattern,
  releaseFactorMinutes: minutes,
  fourEyes: yesOrNo,
  controlAfterChange: yesOrNo,
  criticalCallMinutes: minutes,
  criticalCallEscalation: callers,
  timezone: zone,
  consentDefault: permitOrDeny,
  controller: line,
  dataProtectionOfficer: line,
  residency: countries,
  passwordLength,
  secondFactorRoles: roleNames,
  sealFolder: folder,
  sealWebhook: webhook,
};

export const settingNames = Object.keys(settings);

export async function setCommand(name: string, setting: string, written: string, options: Output): Promise<void> {
  const kind = kindOf(setting);
  const value = kind.read(written);
  if (value === undefined) throw outcomeError('invalid', `${setting} takes ${kind.takes}, not "${written}".`);
  const tenant = await withDatabase(async (database) => {
    if (kind === roleNames) await checkRoles(database, name, value as string[]);
    return notingTenant(
      database,
      { kind: 'settings-changed', deed: 'makhbar tenant set' },
      (operator) => changeTenantSettings(operator, name, { [setting]: value }),
      () => thing('setting', setting),
    );
  });
  print(options, tenant, `${tenant.name}: ${setting} is ${String(value)}; running servers notice within seconds.`);
}

/** The default holds again. */
export async function unsetCommand(name: string, setting: string, options: Output): Promise<void> {
  kindOf(setting);
  const tenant = await withDatabase((database) =>
    notingTenant(
      database,
      { kind: 'settings-changed', deed: 'makhbar tenant unset' },
      (operator) => unsetTenantSettings(operator, name, [setting]),
      () => thing('setting', setting),
    ),
  );
  print(options, tenant, `${tenant.name}: ${setting} is not set; running servers notice within seconds.`);
}

function kindOf(setting: string): Kind<unknown> {
  const kind = new Map<string, Kind<unknown>>(Object.entries(settings)).get(setting);
  if (kind === undefined) {
    throw outcomeError('invalid', `"${setting}" is no setting; there are ${settingNames.join(', ')}.`);
  }
  return kind;
}

/** A name that no role has would take the second factor from a role without a word. */
async function checkRoles(database: Database, name: string, roles: readonly string[]): Promise<void> {
  const tenant = await findTenant(database, name);
  if (tenant === undefined) return;
  const known = (await allRoles(sessionOf(database, tenant.id))).map((role) => role.name);
  const unknown = roles.find((role) => !known.includes(role));
  if (unknown !== undefined) {
    throw outcomeError('invalid', `There is no role "${unknown}"; there are ${known.join(', ')}.`);
  }
}
