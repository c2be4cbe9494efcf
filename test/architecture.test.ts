/**
 * The layers of src/: which folder may import which, which package is used where, and that no imports go in a circle.
 *
 * A new folder gets a row here first. `import type` counts for the layers (what a type says is a dependency too), not for
 * the circles (it is gone at run time).
 */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'src');

/** Folder or file at the top of src/ → what it may import besides itself. Arrows point down only. */
const layers: Record<string, readonly string[]> = {
  // The language of FHIR, and what stands beside it.
  fhir: [],
  audit: ['fhir'],
  // What the law asks for persons: states and dates of their requests.
  privacy: ['fhir'],
  // The language of HL7 v2.
  astm: [],
  hl7v2: [],
  sql: [],
  log: [],
  metrics: ['fhir'],
  files: ['fhir'],
  access: ['fhir', 'request', 'search'],
  search: ['audit', 'fhir', 'sql'],
  sealing: ['audit', 'fhir', 'store'],
  // The audit log to other systems.
  forwarding: ['audit', 'fhir', 'log', 'store'],
  // Seals outside the database.
  publishing: ['audit', 'fhir', 'forwarding', 'log', 'store'],
  store: ['access', 'audit', 'fhir', 'files', 'log', 'search', 'sql'],
  config: ['fhir', 'files', 'log'],
  // What administrators do with users and roles.
  accounts: ['access', 'fhir', 'store'],
  // What laboratories use.
  usage: ['access', 'fhir', 'log', 'store'],
  // Plain data that passes through the server: types only.
  request: [
    'access',
    'audit',
    'config',
    'fhir',
    'files',
    'interactions',
    'log',
    'reports',
    'search',
    'sql',
    'store',
    'usage',
  ],
  // Deeds. An operation uses interactions, and one interaction is "call an operation": one layer in two folders.
  interactions: [
    'access',
    'astm',
    'audit',
    'fhir',
    'files',
    'hl7v2',
    'laboratory',
    'log',
    'operations',
    'privacy',
    'request',
    'search',
    'sql',
    'store',
  ],
  // Data without who they are of, pure.
  deidentification: ['fhir'],
  // Bulk exports: what they find and write.
  exporting: [
    'access',
    'astm',
    'deidentification',
    'fhir',
    'files',
    'hl7v2',
    'interactions',
    'request',
    'search',
    'store',
    'translation',
  ],
  // What a laboratory takes with it when it leaves, and its deletion.
  departing: ['access', 'audit', 'exporting', 'fhir', 'files', 'interactions', 'log', 'pages', 'request', 'store'],
  // Bulk imports.
  importing: ['access', 'audit', 'fhir', 'files', 'interactions', 'request', 'search', 'store'],
  operations: [
    'access',
    'accounts',
    'audit',
    'deidentification',
    'departing',
    'exporting',
    'importing',
    'fhir',
    'files',
    'forwarding',
    // What is pure there: what an Endpoint says of an interface.
    'gateways',
    'hl7v2',
    'interactions',
    'labels',
    // The laboratory's rules.
    'laboratory',
    'log',
    'pages',
    'privacy',
    'reports',
    'request',
    'publishing',
    'processing',
    'retention',
    'sealing',
    'search',
    'sql',
    'store',
    'translation',
    'usage',
  ],
  // What is kept how long, and how it goes.
  retention: ['audit', 'fhir', 'sealing', 'store'],
  // What a laboratory must be able to tell of its processing.
  processing: ['access', 'accounts', 'config', 'fhir', 'retention', 'store'],
  jobs: [
    'audit',
    'config',
    'exporting',
    'importing',
    'fhir',
    'interactions',
    'operations',
    'request',
    'retention',
    'search',
    'serve',
    'store',
  ],
  serve: ['access', 'interactions', 'request', 'store'],
  // What is stuck on specimens.
  labels: ['fhir', 'laboratory'],
  // What a laboratory tells its patients and physicians: resources → PDF and HTML, pure.
  reports: ['fhir', 'laboratory', 'pages'],
  // The laboratory's rules, pure.
  laboratory: ['fhir', 'search'],
  // HL7 v2 ↔ FHIR, pure.
  translation: ['astm', 'fhir', 'hl7v2'],
  // Edges that are no HTTP.
  gateways: [
    'astm',
    'access',
    'audit',
    'fhir',
    'hl7v2',
    'interactions',
    'laboratory',
    'publishing',
    'request',
    'search',
    'serve',
    'store',
    'translation',
  ],
  // Data → HTML.
  pages: ['access', 'fhir'],
  // Edges.
  identity: ['access', 'accounts', 'audit', 'fhir', 'log', 'pages', 'store'],
  http: ['access', 'fhir', 'interactions', 'log', 'request', 'serve', 'store', 'usage'],
  // Put together and started.
  start: [
    'access',
    'accounts',
    'audit',
    'config',
    'departing',
    'fhir',
    'files',
    'forwarding',
    'gateways',
    'http',
    'identity',
    'interactions',
    'jobs',
    'laboratory',
    'log',
    'metrics',
    'operations',
    'publishing',
    'reports',
    'request',
    'sealing',
    'search',
    'serve',
    'store',
    'usage',
  ],
  main: ['config', 'fhir', 'log', 'start', 'store'],
  command: [
    'access',
    'accounts',
    'audit',
    'config',
    'deidentification',
    'departing',
    'exporting',
    'fhir',
    'forwarding',
    'gateways',
    'hl7v2',
    'identity',
    'importing',
    'interactions',
    'laboratory',
    'log',
    'main',
    'operations',
    'pages',
    'privacy',
    'publishing',
    'request',
    'sealing',
    'serve',
    'start',
    'store',
    'translation',
    'usage',
  ],
};

/** Package → where it may be used: folders, or single files. */
const packages: Record<string, readonly string[]> = {
  pg: ['store'],
  knex: ['store'],
  express: ['http'],
  jose: ['identity'],
  'oidc-provider': ['identity'],
  otplib: ['identity/totp.ts'],
  '@simplewebauthn/server': ['identity/passkeys.ts'],
  qrcode: ['pages'],
  pino: ['log'],
  'prom-client': ['metrics'],
  commander: ['command'],
  dotenv: ['config'],
  s3mini: ['files'],
  'bwip-js': ['labels'],
  pdfkit: ['labels', 'reports/pdf'],
  'bidi-js': ['reports/pdf'],
  '@expo-google-fonts/noto-sans': ['reports/pdf'],
  '@expo-google-fonts/noto-sans-arabic': ['reports/pdf'],
  'iconv-lite': ['astm', 'hl7v2'],
  serialport: ['gateways/astm/serial.ts'],
  'hl7v2-dictionary': ['hl7v2/dictionary-thread.ts'],
  'node:child_process': ['store/embedded', 'command'],
  'node:cluster': ['start', 'command'],
  'node:sqlite': ['store/embedded'],
  'node:http': ['http', 'publishing/webhook.ts'],
  'node:https': ['http', 'forwarding', 'publishing/webhook.ts'],
  'node:http2': [],
  'node:tls': ['http', 'forwarding', 'gateways'],
  'node:dgram': [],
  // Elsewhere only for isIP and a free port.
  'node:net': [
    'http',
    'forwarding',
    'publishing',
    'gateways',
    'access/network.ts',
    'config/readers.ts',
    'interactions/endpoint-check.ts',
    'start/address.ts',
    'store/embedded/postmaster.ts',
    'store/lending-socket.ts',
  ],
};

interface Import {
  from: string;
  /** A path below src/, or a package. */
  to: string;
  own: boolean;
  typeOnly: boolean;
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => /\.(ts|js)$/.test(name));

const statement = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;

const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(join(source, from), 'utf8');
  return [...text.matchAll(statement)].map(([, typeOnly, fixed, dynamic]) => {
    const written = fixed ?? dynamic ?? '';
    const own = written.startsWith('.');
    const to = own
      ? relative(source, resolve(source, dirname(from), written)).replaceAll('\\', '/')
      : packageName(written);
    return { from, to, own, typeOnly: typeOnly !== undefined };
  });
});

function packageName(written: string): string {
  const [first = '', second = ''] = written.split('/');
  return written.startsWith('@') ? `${first}/${second}` : first;
}

/** store/sql.ts is text without a database and so lies below search/. */
function layerOf(path: string): string {
  if (path === 'store/sql.ts') return 'sql';
  return (path.split('/')[0] ?? '').replace(/\.ts$/, '');
}

test('this test sees the imports', () => {
  expect(imports.length).toBeGreaterThan(100);
  expect(imports).toContainEqual({ from: 'log.ts', to: 'pino', own: false, typeOnly: false });
  expect(imports).toContainEqual({ from: 'request.ts', to: 'config.ts', own: true, typeOnly: true });
});

describe('layers', () => {
  test.each([...new Set(files.map(layerOf))].sort())('%s imports only what lies below it', (layer) => {
    const allowed = layers[layer];
    if (allowed === undefined) throw new Error(`${layer} has no row in the table of layers.`);
    const wrong = imports
      .filter(({ from, own }) => own && layerOf(from) === layer)
      .filter(({ to }) => !to.startsWith('..') && layerOf(to) !== layer && !allowed.includes(layerOf(to)))
      .map(({ from, to }) => `${from} → ${to}`);
    expect(wrong).toEqual([]);
  });

  test('outside src/ only package.json and what conformance/ says of us are read', () => {
    const outside = imports
      .filter(({ own, to }) => own && to.startsWith('..'))
      .map(({ from, to }) => `${from} → ${to}`);
    expect(
      outside.filter((line) => !/→ \.\.\/(package\.json|conformance\/capability\/|searchparameters\/)/.test(line)),
    ).toEqual([]);
  });

  test('request.ts holds types only', () => {
    expect(imports.filter(({ from, typeOnly }) => from === 'request.ts' && !typeOnly)).toEqual([]);
  });
});

describe('packages', () => {
  test.each(Object.entries(packages))('%s is used in %j only', (name, places) => {
    const wrong = imports
      .filter(({ to, typeOnly }) => to === name && !(typeOnly && name.startsWith('node:')))
      .filter(
        ({ from }) => !places.some((place) => from === place || from === `${place}.ts` || from.startsWith(`${place}/`)),
      )
      .map(({ from }) => from);
    expect(wrong).toEqual([]);
  });
});

/**
 * Recursion of FHIR itself: an element holds types that hold elements, a resource contains resources, a profile asks for
 * profiles; a composite parameter has parameters as components, a filter has filters in parentheses. A circle may lie
 * within one of these sets of files, and nowhere else.
 */
const recursions: readonly RegExp[] = [
  /^fhir\/validation\//,
  /^search\/(composite|types)\.ts$/,
  /^search\/(condition|filter)\.ts$/,
];

test('no imports go in a circle, but for the recursions of FHIR itself', () => {
  expect(circles().filter((circle) => !recursions.some((set) => circle.every((file) => set.test(file))))).toEqual([]);
});

/** Each circle once, as the files on it. */
function circles(): string[][] {
  const edges = Map.groupBy(
    imports.filter(({ own, typeOnly }) => own && !typeOnly),
    ({ from }) => from,
  );
  const done = new Set<string>();
  const found = new Map<string, string[]>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      const circle = path.slice(at);
      found.set([...circle].sort().join(), circle);
      return;
    }
    if (done.has(file)) return;
    for (const { to } of edges.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  return [...found.values()];
}

describe('files', () => {
  test('every file says what it is in a comment at its head', () => {
    const silent = files.filter((name) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(join(source, name), 'utf8')));
    expect(silent).toEqual([]);
  });

  test('names say what a thing is', () => {
    expect(files.filter((name) => /\b(utils?|helpers?|managers?|services?|impl|index)\b/i.test(name))).toEqual([]);
  });

  test('every TypeScript file is named with its extension where it is imported', () => {
    const wrong = imports
      .filter(({ own, to }) => own && !/\.(ts|js|json)$/.test(to))
      .map(({ from, to }) => `${from} → ${to}`);
    expect(wrong).toEqual([]);
  });
});
