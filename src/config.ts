/**
 * The environment as one frozen object. Every variable is a row of `variables`: what reads it, its default, and what it
 * does; README's table is compared with these rows by a test.
 *
 * An unusable value is an OutcomeError whose sentence names the variable, the value and the rule; the program prints it
 * as one line and ends with 1. Secrets are never quoted.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { outcomeError } from './fhir/outcome.ts';
import type { S3Settings } from './files/s3.ts';
import type { LogLevel } from './log.ts';
import { keyEncryptionKey } from './config/key.ts';
import {
  absolute,
  bytes,
  count,
  domain,
  key,
  lease,
  level,
  listedOrigins,
  milliseconds,
  networks,
  devices,
  origins,
  pemFile,
  port,
  postgresUrl,
  proxies,
  text,
  webUrl,
  type Reader,
} from './config/readers.ts';

/** What one process does; all of them unless --only names some. */
export const roles = ['http', 'gateways', 'jobs'] as const;
export type Role = (typeof roles)[number];

interface Variable<T> {
  read: Reader<T>;
  /** As it would be written; '' = not set. */
  default: string;
  does: string;
}

const variable = <T>(read: Reader<T>, initial: string, does: string): Variable<T> => ({ read, default: initial, does });

export const variables = {
  PORT: variable(port, '8080', 'port of the HTTP server; 0 takes a free one'),
  HOST: variable(text, '127.0.0.1', 'address the servers listen on; 0.0.0.0 for all'),
  PUBLIC_URL: variable(webUrl, '', 'address under which clients reach the server, behind a proxy for instance'),
  BASE_DOMAIN: variable(domain, '', 'laboratories are also reached at {tenant}.{BASE_DOMAIN}'),
  DATABASE_URL: variable(postgresUrl, '', 'PostgreSQL 15 or newer; without it an embedded one runs under DATA_DIR'),
  DATABASE_CONNECTIONS: variable(count(1, 1000), '16', 'most connections of one process to PostgreSQL'),
  DATA_DIR: variable(absolute, './data', 'where the embedded PostgreSQL, files and generated keys are kept'),
  HL7_PORT: variable(port, '2575', 'port of the HL7 v2 gateway (MLLP)'),
  ASTM_PORT: variable(port, '1394', 'port of the ASTM gateway, which all laboratories share'),
  SERIAL_LINES: variable(
    devices,
    '',
    'serial lines that interfaces may use, and whose they are, as in demo:/dev/ttyUSB0',
  ),
  TRUST_PROXY: variable(
    proxies,
    '',
    'addresses, networks or `loopback`, comma-separated, whose X-Forwarded-* headers count',
  ),
  TLS_KEY: variable(pemFile, '', 'file with the private key (PEM), to serve TLS without a proxy'),
  TLS_CERT: variable(pemFile, '', 'file with the certificate chain (PEM)'),
  RATE_LIMIT: variable(count(0, 1e9), '0', 'requests a minute and caller; 0 = no limit'),
  CORS_ORIGINS: variable(origins, '*', 'web origins that may call, comma-separated, or `none`; * = any'),
  BODY_LIMIT: variable(bytes, '64MB', 'largest request body'),
  BINARY_LIMIT: variable(bytes, '1GB', 'largest Binary, and largest file of an import'),
  REQUEST_TIMEOUT: variable(milliseconds, '60s', 'time in which a request must have arrived completely'),
  STATEMENT_TIMEOUT: variable(milliseconds, '30s', 'time after which PostgreSQL ends a statement'),
  DRAIN_TIMEOUT: variable(milliseconds, '15s', 'time that requests under way get when the server stops'),
  LEASE_TIME: variable(
    lease,
    '9s',
    'time after which another process takes over the jobs and interfaces of one that died; from 3s to 1h',
  ),
  KEY_ENCRYPTION_KEY: variable(
    key,
    '',
    '32 bytes in base64 that encrypt the keys of the laboratories; without it a file is made under DATA_DIR',
  ),
  IMPORT_ORIGINS: variable(
    listedOrigins,
    'none',
    'origins from which $import may fetch, comma-separated, such as https://files.example.org',
  ),
  S3_ENDPOINT: variable(webUrl, '', 'address of a bucket (https://host/bucket) for files, instead of DATA_DIR'),
  S3_REGION: variable(text, 'auto', 'region of the bucket'),
  S3_ACCESS_KEY_ID: variable(text, '', 'access key of the bucket'),
  S3_SECRET_ACCESS_KEY: variable(text, '', 'secret of the access key'),
  SEALS_DIR: variable(absolute, '', 'folder to whose files the seals of the audit log are published'),
  WEBHOOK_NETWORKS: variable(
    networks,
    '',
    'networks besides public addresses that webhooks may go to, comma-separated, as in 10.0.0.0/8',
  ),
  INTERFACE_NETWORKS: variable(
    networks,
    '',
    'networks besides public addresses that interfaces may send to, comma-separated, as in 10.0.0.0/8',
  ),
  LOG_LEVEL: variable(level, 'info', 'trace, debug, info, warn, error, fatal or silent'),
};

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config {
  readonly port: number;
  readonly host: string;
  /** Without a slash at its end. */
  readonly publicUrl: string | undefined;
  readonly baseDomain: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly databaseConnections: number;
  /** Absolute. */
  readonly dataDir: string;
  readonly hl7Port: number;
  readonly astmPort: number;
  /** Checked list of addresses and networks; '' trusts nobody. */
  readonly trustProxy: string;
  /** The texts of the PEM files. */
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  readonly rateLimit: number;
  /** `*`, or the list of origins. */
  readonly corsOrigins: '*' | readonly string[];
  readonly bodyLimit: number;
  readonly binaryLimit: number;
  readonly requestTimeout: number;
  readonly statementTimeout: number;
  readonly drainTimeout: number;
  readonly leaseTime: number;
  readonly s3: Readonly<S3Settings> | undefined;
  /** Absolute. */
  readonly sealsDir: string | undefined;
  readonly webhookNetworks: readonly string[];
  readonly interfaceNetworks: readonly string[];
  /** Serial lines that interfaces may use: laboratory:path. */
  readonly serialLines: readonly string[];
  /** Origins from which $import fetches. */
  readonly importOrigins: readonly string[];
  readonly logLevel: LogLevel;
  readonly roles: readonly Role[];
  readonly workers: number;
  /** 32 bytes; made and stored under DATA_DIR when first asked for, unless KEY_ENCRYPTION_KEY is set. */
  readonly keyEncryptionKey: () => Buffer;
}

/** The environment of this process over the lines of `.env`; a variable set to nothing counts as not set. */
export function loadEnvironment(folder = process.cwd(), environment: Environment = process.env): Environment {
  const path = resolve(folder, '.env');
  const file = existsSync(path) ? parseDotenv(readFileSync(path)) : {};
  const set = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  return { ...file, ...Object.fromEntries(set) };
}

export interface Choices {
  /** --only; none = all roles. */
  only?: readonly Role[];
  /** --workers */
  workers?: number;
}

/** @throws OutcomeError for the first unusable value. */
export function readConfig(environment: Environment, choices: Choices = {}): Config {
  const values = readVariables(environment);
  const dataDir = values.DATA_DIR ?? resolve('data');
  const ownKey = values.KEY_ENCRYPTION_KEY;
  return Object.freeze({
    port: values.PORT ?? 0,
    host: values.HOST ?? '127.0.0.1',
    publicUrl: values.PUBLIC_URL,
    baseDomain: values.BASE_DOMAIN,
    databaseUrl: values.DATABASE_URL,
    databaseConnections: values.DATABASE_CONNECTIONS ?? 1,
    dataDir,
    hl7Port: values.HL7_PORT ?? 0,
    astmPort: values.ASTM_PORT ?? 0,
    trustProxy: values.TRUST_PROXY ?? '',
    tls: tlsOf(values.TLS_KEY, values.TLS_CERT),
    rateLimit: values.RATE_LIMIT ?? 0,
    corsOrigins: values.CORS_ORIGINS ?? [],
    bodyLimit: values.BODY_LIMIT ?? 0,
    binaryLimit: values.BINARY_LIMIT ?? 0,
    requestTimeout: values.REQUEST_TIMEOUT ?? 0,
    statementTimeout: values.STATEMENT_TIMEOUT ?? 0,
    drainTimeout: values.DRAIN_TIMEOUT ?? 0,
    leaseTime: values.LEASE_TIME ?? 0,
    s3: s3Of(values),
    sealsDir: values.SEALS_DIR,
    webhookNetworks: values.WEBHOOK_NETWORKS ?? [],
    interfaceNetworks: values.INTERFACE_NETWORKS ?? [],
    serialLines: values.SERIAL_LINES ?? [],
    importOrigins: values.IMPORT_ORIGINS ?? [],
    logLevel: values.LOG_LEVEL ?? 'info',
    roles: choices.only?.length ? choices.only : roles,
    workers: choices.workers ?? 1,
    keyEncryptionKey: () => ownKey ?? keyEncryptionKey(dataDir),
  });
}

type Values = { [Name in keyof typeof variables]: ReturnType<(typeof variables)[Name]['read']> | undefined };

function readVariables(environment: Environment): Values {
  const entries = Object.entries(variables).map(([name, { read, default: initial }]) => {
    const written = environment[name] || initial;
    return [name, written === '' ? undefined : read(written, name)];
  });
  return Object.fromEntries(entries) as Values;
}

function tlsOf(privateKey: string | undefined, cert: string | undefined): Config['tls'] {
  if (privateKey === undefined && cert === undefined) return undefined;
  if (privateKey !== undefined && cert !== undefined) return Object.freeze({ key: privateKey, cert });
  throw outcomeError('invalid', 'TLS_KEY and TLS_CERT go together: set both or none.');
}

function s3Of(values: Values): Config['s3'] {
  const { S3_ENDPOINT: endpoint, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if (endpoint === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw outcomeError('invalid', 'S3_ENDPOINT needs S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.');
  }
  return Object.freeze({ endpoint, region: values.S3_REGION ?? 'auto', accessKeyId, secretAccessKey });
}
