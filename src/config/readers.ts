/** Readers of single variables: text → value, or an OutcomeError that names the variable, the value and the rule. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { outcomeError } from '../fhir/outcome.ts';
import { logLevels, type LogLevel } from '../log.ts';

export type Reader<T> = (written: string, name: string) => T;

function unusable(name: string, written: string, rule: string): Error {
  const shown = written.length > 60 ? `${written.slice(0, 60)}…` : written;
  return outcomeError('invalid', `${name}=${shown} is not usable: ${rule}.`);
}

function secretUnusable(name: string, rule: string): Error {
  return outcomeError('invalid', `${name} is not usable: ${rule}.`);
}

export const text: Reader<string> = (written) => written;

export const absolute: Reader<string> = (written) => resolve(written);

export function count(least: number, most: number): Reader<number> {
  return (written, name) => {
    const value = /^\d{1,12}$/.test(written) ? Number(written) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw unusable(name, written, `it must be a whole number from ${least} to ${most}`);
  };
}

/** Serial lines and the laboratory that may use each, comma-separated. */
export const devices: Reader<readonly string[]> = (written, name) => {
  const paths = written.split(',').map((one) => one.trim());
  const fit = paths.every((path) => /^[a-z0-9-]+:(\/[\w./:-]+|COM\d+)$/.test(path) && !path.includes('..'));
  if (fit) return paths;
  throw unusable(name, written, 'it must be laboratories with their lines such as demo:/dev/ttyUSB0, comma-separated');
};

export const port: Reader<number> = count(0, 65_535);

const sizes: Record<string, number> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

export const bytes: Reader<number> = (written, name) => {
  const [, number, unit] = /^(\d{1,12})\s*([A-Za-z]*)$/.exec(written) ?? [];
  const factor = sizes[(unit ?? '-').toUpperCase()];
  if (number !== undefined && factor !== undefined && Number(number) > 0) return Number(number) * factor;
  throw unusable(name, written, 'it must be a size such as 500KB, 64MB or 1GB');
};

const durations: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };
/** setTimeout and statement_timeout hold 31 bits. */
const longest = 2 ** 31 - 1;

export const milliseconds: Reader<number> = (written, name) => {
  const [, number, unit] = /^(\d{1,9})\s*(ms|s|min|h)$/.exec(written) ?? [];
  const value = Number(number) * (durations[unit ?? ''] ?? Number.NaN);
  if (value > 0 && value <= longest) return value;
  throw unusable(name, written, 'it must be a duration such as 500ms, 30s, 5min or 1h');
};

/** A shorter one would run out under a process that is only slow, so that two did the same. */
export const lease: Reader<number> = (written, name) => {
  const value = milliseconds(written, name);
  if (value >= 3_000 && value <= 3_600_000) return value;
  throw unusable(name, written, 'it must be a duration from 3s to 1h');
};

export const webUrl: Reader<string> = (written, name) => {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
  if (plain && url.username === '') return url.href.replace(/\/+$/, '');
  throw unusable(name, written, 'it must be an http or https address without user, query and fragment');
};

export const domain: Reader<string> = (written, name) => {
  if (/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(written)) return written.toLowerCase();
  throw unusable(name, written, 'it must be a domain name such as lab.example.org, without port');
};

export const postgresUrl: Reader<string> = (written, name) => {
  if (URL.canParse(written) && /^postgres(ql)?:$/.test(new URL(written).protocol)) return written;
  throw secretUnusable(name, 'it must be an address such as postgres://user:password@host:5432/database');
};

export const proxies: Reader<string> = (written, name) => {
  const parts = written.split(',').map((part) => part.trim());
  const wrong = parts.find((part) => part !== 'loopback' && !isNetwork(part));
  if (wrong === undefined) return parts.join(',');
  throw unusable(
    name,
    written,
    'it must list addresses, networks such as 10.0.0.0/8, or loopback, separated by commas',
  );
};

export const networks: Reader<readonly string[]> = (written, name) => {
  const parts = written.split(',').map((part) => part.trim());
  if (parts.every(isNetwork)) return Object.freeze(parts);
  throw unusable(name, written, 'it must list addresses or networks such as 10.0.0.0/8, separated by commas');
};

function isNetwork(part: string): boolean {
  const [address = '', bits, ...more] = part.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 6 ? 128 : 32));
}

export const origins: Reader<'*' | readonly string[]> = (written, name) => {
  if (written === '*') return '*';
  if (written === 'none') return Object.freeze([]);
  const parts = written.split(',').map((part) => part.trim());
  const wrong = parts.find((part) => !URL.canParse(part) || new URL(part).origin !== part);
  if (wrong === undefined) return Object.freeze(parts);
  throw unusable(
    name,
    written,
    'it must be *, none or web origins such as https://app.example.org, separated by commas',
  );
};

/** The same, each by its name. */
export const listedOrigins: Reader<readonly string[]> = (written, name) => {
  const read = origins(written, name);
  if (read !== '*') return read;
  throw unusable(name, written, 'it must be none or web origins such as https://app.example.org, separated by commas');
};

export const pemFile: Reader<string> = (written, name) => {
  let content: string;
  try {
    content = readFileSync(resolve(written), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw unusable(name, written, `the file cannot be read (${code})`);
  }
  if (content.includes('-----BEGIN ')) return content;
  throw unusable(name, written, 'the file is not in PEM format');
};

export const key: Reader<Buffer> = (written, name) => {
  const decoded = Buffer.from(written, 'base64');
  if (decoded.length === 32 && /^[A-Za-z0-9+/_-]{43}=?$/.test(written)) return decoded;
  throw secretUnusable(name, 'it must be 32 bytes in base64, as `openssl rand -base64 32` prints them');
};

export const level: Reader<LogLevel> = (written, name) => {
  const found = logLevels.find((candidate) => candidate === written.toLowerCase());
  if (found !== undefined) return found;
  throw unusable(name, written, `it must be one of ${logLevels.join(', ')}`);
};
