/**
 * `npm run bench`: measures Makhbar against the limits of the machine it runs on.
 *
 *   npm run bench -- --size medium --out run.json
 *   npm run bench -- --only read --only create --rounds 3 --seconds 2
 *   npm run bench -- --size large --data data/bench-large     keeps the data set for the next run
 *   npm run bench -- --sizes medium,large --only search --data data/bench --out run.json
 *                                                             and how searches grow; writes run-medium.json, run-large.json
 *   npm run bench -- --only audit --data data/bench-audit     the audit log with ten million events (--events)
 *   npm run bench -- --only astm                              the ASTM gateway
 *   npm run bench -- --only hl7v2 --messages 10000            the HL7 v2 gateway; memory over 100,000 messages without it
 *   npm run bench -- --only accession                         orders and specimens
 *   npm run bench -- --only results                           results and controls
 *   npm run bench -- --only worklists --orders 1000000       what is to be done, among a million orders
 *   npm run bench -- --only report                            reports as PDF
 *   npm run bench -- --only bulk                              bulk export and import
 *   npm run bench -- --only none --soak 10m                   memory under lasting load
 *   npm run bench -- --compare before.json after.json         of two sizes: the growth
 *
 * `--only search` stands for all searches and the mix of them. Other lines write: leave them out on a kept data set whose
 * searches are to be compared. `--callers 4` measures searches with four callers at a time instead of one.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { accessLines } from './access-lines.ts';
import { auditFigures } from './audit-figures.ts';
import { bulkFigures } from './bulk-figures.ts';
import { consentLines } from './consent-lines.ts';
import { patientsOf, type Size } from './generate.ts';
import { astmFigures } from './astm-figures.ts';
import { hl7v2Figures } from './hl7v2-figures.ts';
import { lines } from './lines.ts';
import { growthOf, growthText } from './growth.ts';
import { compare, type Report } from './report.ts';
import { run, type Options } from './run.ts';
import { searchCases } from './search-catalog.ts';

const names = [
  ...[...searchCases, ...lines, ...accessLines, ...consentLines].map(({ name }) => name),
  'access',
  'accession',
  'results',
  'report',
  'worklists',
  'audit',
  ...auditFigures,
  'audit-throughput',
  'bulk',
  ...bulkFigures,
  'astm',
  ...astmFigures,
  'hl7v2',
  ...hl7v2Figures,
  'mixed',
  'search',
  'start',
  'none',
];

interface Wanted {
  options: Omit<Options, 'size'>;
  sizes: Size[];
  out?: string;
  compared?: string[];
}

function readOptions(): Wanted {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      size: { type: 'string', default: 'small' },
      sizes: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      callers: { type: 'string', default: '1' },
      events: { type: 'string', default: '10000000' },
      messages: { type: 'string', default: '100000' },
      orders: { type: 'string', default: '1000000' },
      data: { type: 'string' },
      soak: { type: 'string', default: '0' },
      out: { type: 'string' },
      compare: { type: 'boolean', default: false },
    },
  });
  const sizes = (values.sizes ?? values.size).split(',');
  if (sizes.some((size) => !(size in patientsOf))) {
    throw new Error(`--size and --sizes take ${Object.keys(patientsOf).join(', ')}.`);
  }
  const unknown = values.only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Error(`--only takes ${names.join(', ')}, not ${unknown}.`);
  }
  const options: Omit<Options, 'size'> = {
    only: values.only,
    pace: { rounds: positive('rounds', values.rounds), seconds: positive('seconds', values.seconds) },
    callers: Math.ceil(positive('callers', values.callers)),
    events: Math.ceil(positive('events', values.events)),
    messages: Math.ceil(positive('messages', values.messages)),
    orders: Math.ceil(positive('orders', values.orders)),
    soakMinutes: minutes(values.soak),
    print: (text) => process.stdout.write(`${text}\n`),
    ...(values.data !== undefined && { data: values.data }),
  };
  return {
    options,
    sizes: sizes as Size[],
    ...(values.out !== undefined && { out: values.out }),
    ...(values.compare && { compared: positionals }),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) {
    throw new Error(`--${name} takes a number above 0, not ${text}.`);
  }
  return value;
}

/** `10m`, `90s`; a bare number is minutes. */
function minutes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(m|s)?$/.exec(text) ?? [];
  if (number === undefined) {
    throw new Error(`--soak takes a duration such as 10m or 90s, not ${text}.`);
  }
  return Number(number) / (unit === 's' ? 60 : 1);
}

async function main(): Promise<void> {
  const { options, sizes, out, compared } = readOptions();
  if (compared !== undefined) {
    const [before, after] = compared;
    if (before === undefined || after === undefined) {
      throw new Error('--compare takes two files of --out.');
    }
    options.print(compare(before, after));
    return;
  }
  const reports: Report[] = [];
  for (const size of sizes) {
    const report = await run({ ...options, ...ofSize(options, size, sizes.length), size });
    reports.push(report);
    if (out !== undefined) {
      const path = sizes.length === 1 ? out : out.replace(/(\.json)?$/, `-${size}$1`);
      writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
      options.print(`written to ${path}`);
    }
  }
  reports.slice(1).forEach((report, i) => {
    options.print(`growth from ${sizes[i]} to ${report.size}`);
    growthOf(reports[i] as Report, report).forEach((growth) => options.print(growthText(growth)));
  });
}

/** Each size keeps its data in a folder of its own. */
function ofSize({ data }: Omit<Options, 'size'>, size: Size, count: number): { data?: string } {
  return data === undefined || count === 1 ? {} : { data: join(data, size) };
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
