/**
 * `npm run bench`: measures Makhbar against the limits of the machine it runs on.
 *
 *   npm run bench -- --size medium --out run.json
 *   npm run bench -- --only read --only create --rounds 3 --seconds 2
 *   npm run bench -- --size large --data data/bench-large     keeps the data set for the next run
 *   npm run bench -- --only none --soak 10m                   memory under lasting load
 *   npm run bench -- --compare before.json after.json
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { patientsOf, type Size } from './generate.ts';
import { lines } from './lines.ts';
import { compare } from './report.ts';
import { run, type Options } from './run.ts';

const names = [...lines.map((line) => line.name), 'start', 'none'];

function readOptions(): { options: Options; out?: string; compared?: string[] } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      size: { type: 'string', default: 'small' },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      data: { type: 'string' },
      soak: { type: 'string', default: '0' },
      out: { type: 'string' },
      compare: { type: 'boolean', default: false },
    },
  });
  if (!(values.size in patientsOf)) {
    throw new Error(`--size takes ${Object.keys(patientsOf).join(', ')}.`);
  }
  const unknown = values.only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Error(`--only takes ${names.join(', ')}, not ${unknown}.`);
  }
  const options: Options = {
    size: values.size as Size,
    only: values.only,
    pace: { rounds: positive('rounds', values.rounds), seconds: positive('seconds', values.seconds) },
    soakMinutes: minutes(values.soak),
    print: (text) => process.stdout.write(`${text}\n`),
    ...(values.data !== undefined && { data: values.data }),
  };
  return {
    options,
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
  const { options, out, compared } = readOptions();
  if (compared !== undefined) {
    const [before, after] = compared;
    if (before === undefined || after === undefined) {
      throw new Error('--compare takes two files of --out.');
    }
    options.print(compare(before, after));
    return;
  }
  const report = await run(options);
  if (out !== undefined) {
    writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
    options.print(`written to ${out}`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
