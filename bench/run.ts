/** A run from beginning to end: server, data, lines, memory, starts on the data that are there. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { measureAccess } from './access-figure.ts';
import { measureAccession } from './accession-figure.ts';
import { measureReports } from './report-figure.ts';
import { measureWorklists } from './worklist-figure.ts';
import { measureResults } from './result-figure.ts';
import { accessLines } from './access-lines.ts';
import { auditFigures, measureAudit } from './audit-figures.ts';
import { measureThroughput } from './audit-throughput.ts';
import { consentLines } from './consent-lines.ts';
import { isBulk, isLoaded, loadData, ownUrl, superuserUrl } from './data.ts';
import { holds, patientsOf, type Size } from './generate.ts';
import { bulkFigures, measureBulk } from './bulk-figures.ts';
import { astmFigures, measureAstm } from './astm-figures.ts';
import { hl7v2Figures, measureHl7v2 } from './hl7v2-figures.ts';
import { lines, makeBareRows, type Bench, type Line } from './lines.ts';
import { measureLine, median, type Pace } from './measure.ts';
import { mixedSearches } from './mixed.ts';
import { memoryOf, runCommand, startBare, startLoad, startMakhbar, type Makhbar } from './processes.ts';
import { figureText, mixedText, newReport, resultText, soakText, type Figure, type Report } from './report.ts';
import { searchCases } from './search-catalog.ts';
import { searchLines } from './search-lines.ts';
import { soak } from './soak.ts';

export interface Options {
  size: Size;
  /** Names of lines; none = all. */
  only: string[];
  pace: Pace;
  /** At a time, for each search. */
  callers: number;
  /** In the audit log that is measured. */
  events: number;
  /** Over which the memory of the HL7 v2 gateway is watched. */
  messages: number;
  /** Of the laboratory whose worklists are asked for. */
  orders: number;
  /** Folder that is kept; without it a temporary one. */
  data?: string;
  soakMinutes: number;
  print(text: string): void;
}

export async function run(options: Options): Promise<Report> {
  const dataDir = options.data === undefined ? await mkdtemp(join(tmpdir(), 'makhbar-bench-')) : resolve(options.data);
  await mkdir(dataDir, { recursive: true });
  // PostgreSQL runs as another user where we are root, and has to pass through.
  await chmod(dataDir, 0o711);
  try {
    return await runIn(dataDir, options);
  } finally {
    if (options.data === undefined) {
      await rm(dataDir, { recursive: true, force: true });
    }
  }
}

async function runIn(dataDir: string, options: Options): Promise<Report> {
  const report = newReport(options.size);
  const add = (figure: Figure): void => {
    report.figures.push(figure);
    options.print(figureText(figure));
  };
  if (!existsSync(join(dataDir, 'loaded.json'))) {
    await prepareData(dataDir, options, add);
  }
  isLoaded(dataDir, options.size);
  const searches = new Set([...searchCases.map(({ name }) => name), 'mixed']);
  const wants = (name: string) =>
    options.only.length === 0
      ? !name.startsWith('audit-') &&
        name !== 'worklists' &&
        !name.startsWith('bulk-') &&
        !name.startsWith('hl7v2-') &&
        !name.startsWith('astm-')
      : options.only.includes(name) ||
        (options.only.includes('search') && searches.has(name)) ||
        (options.only.includes('audit') && name.startsWith('audit-')) ||
        (options.only.includes('bulk') && name.startsWith('bulk-')) ||
        (options.only.includes('hl7v2') && name.startsWith('hl7v2-')) ||
        (options.only.includes('astm') && name.startsWith('astm-'));
  if (wants('start')) {
    add(await measureStart(dataDir));
  }
  const server = await startMakhbar(dataDir);
  try {
    await pause(3_000);
    const idle = memoryOf(server.pid).now;
    add({ name: 'idle', title: 'idle memory', value: idle, unit: 'MB', goal: '≤ 250 MB', met: idle <= 250 });
    await measure({ dataDir, server, options, report, wants });
    add({ name: 'peak', title: 'peak memory', value: memoryOf(server.pid).peak, unit: 'MB' });
  } finally {
    await server.stop();
  }
  if (wants('audit-throughput')) {
    await measureThroughput({ dataDir, size: options.size, pace: options.pace, add });
  }
  return report;
}

async function prepareData(dataDir: string, options: Options, add: (figure: Figure) => void): Promise<void> {
  const server = await startMakhbar(dataDir);
  try {
    add({ name: 'first', title: 'first start, with a new database', value: server.startMilliseconds, unit: 'ms' });
    const token = await runCommand(dataDir, 'token', 'demo');
    let shown = 0;
    const rate = await loadData({
      dataDir,
      size: options.size,
      port: server.port,
      token,
      progress(share) {
        if (Math.floor(share * 10) > shown) {
          shown = Math.floor(share * 10);
          options.print(`loading ${patientsOf[options.size].toLocaleString('en')} patients: ${shown * 10} %`);
        }
      },
    });
    const title = `loading the data set ${isBulk(options.size) ? 'by COPY, with its indexes' : 'in transactions'}`;
    add({ name: isBulk(options.size) ? 'bulk' : 'load', title, value: rate, unit: 'resources/s' });
  } finally {
    await server.stop();
  }
}

interface Measuring {
  dataDir: string;
  server: Makhbar;
  options: Options;
  report: Report;
  wants(name: string): boolean;
}

async function measure({ dataDir, server, options, report, wants }: Measuring): Promise<void> {
  const url = superuserUrl(dataDir);
  const database = new pg.Client(url);
  await database.connect();
  await makeBareRows(database);
  const { rows } = await database.query<{ tenant: number; count: number }>(
    `select tenant_id as tenant, (select count(*)::int4 from resource) as count from tenant where name = 'demo'`,
  );
  const { tenant = 0, count = 0 } = rows[0] ?? {};
  report.resources = count;
  const bare = await startBare(url, tenant);
  const load = startLoad();
  try {
    const token = await runCommand(dataDir, 'token', 'demo');
    const bench: Bench = {
      dataDir,
      port: server.port,
      hl7Port: server.hl7Port,
      astmPort: server.astmPort,
      pid: server.pid,
      token,
      tenant,
      size: options.size,
      patients: patientsOf[options.size],
      barePort: bare.port,
      barePid: bare.pid,
      superuserUrl: url,
      ownUrl: ownUrl(dataDir),
      database,
    };
    if (wants('access')) {
      for (const figure of await measureAccess(bench)) {
        report.figures.push(figure);
        options.print(figureText(figure));
      }
    }
    if (wants('accession')) {
      for (const figure of await measureAccession(bench)) {
        report.figures.push(figure);
        options.print(figureText(figure));
      }
    }
    if (wants('results')) {
      for (const figure of await measureResults(bench)) {
        report.figures.push(figure);
        options.print(figureText(figure));
      }
    }
    if (wants('report')) {
      for (const figure of await measureReports(bench)) {
        report.figures.push(figure);
        options.print(figureText(figure));
      }
    }
    if (wants('worklists')) {
      for (const figure of await measureWorklists({ bench, orders: options.orders, print: options.print })) {
        report.figures.push(figure);
        options.print(figureText(figure));
      }
    }
    if (auditFigures.some(wants)) {
      const add = (figure: Figure): void => {
        report.figures.push(figure);
        options.print(figureText(figure));
      };
      await measureAudit({ bench, events: options.events, wants, print: options.print, add });
    }
    if (bulkFigures.some(wants)) {
      const add = (figure: Figure): void => {
        report.figures.push(figure);
        options.print(figureText(figure));
      };
      await measureBulk({ bench, wants, add });
    }
    if (hl7v2Figures.some(wants)) {
      const add = (figure: Figure): void => {
        report.figures.push(figure);
        options.print(figureText(figure));
      };
      await measureHl7v2({ bench, pace: options.pace, messages: options.messages, wants, add });
    }
    if (astmFigures.some(wants)) {
      const add = (figure: Figure): void => {
        report.figures.push(figure);
        options.print(figureText(figure));
      };
      await measureAstm({ bench, pace: options.pace, wants, add });
    }
    for (const line of linesOf(options, wants)) {
      const result = await measureLine(line, bench, load, options.pace);
      report.results.push(result);
      options.print(resultText(result));
    }
    if (wants('mixed')) {
      report.mixed = await mixedSearches(bench, load, options.pace);
      options.print(mixedText(report.mixed));
    }
    if (options.soakMinutes > 0) {
      report.soak = await soak(bench, load, server.pid, options.soakMinutes);
      options.print(soakText(report.soak));
    }
  } finally {
    await Promise.all([load.stop(), bare.stop(), database.end()]);
  }
}

/** Searches first: the other lines add resources. */
function linesOf({ size, callers, print }: Options, wants: (name: string) => boolean): Line[] {
  const wanted = [...searchLines(callers), ...lines, ...accessLines, ...consentLines].filter(({ name }) => wants(name));
  for (const { name, from } of wanted.filter((line) => !holds(size, line.from))) {
    print(`${name}: left out, it needs at least the ${from} data set`);
  }
  return wanted.filter(({ from }) => holds(size, from));
}

/** From the start of the process to readiness, on the data that are there; the median of three starts. */
async function measureStart(dataDir: string): Promise<Figure> {
  const times: number[] = [];
  for (let n = 0; n < 3; n += 1) {
    const server = await startMakhbar(dataDir);
    times.push(server.startMilliseconds);
    await server.stop();
  }
  const value = median(times);
  return { name: 'start', title: 'start on existing data', value, unit: 'ms', goal: '≤ 5,000 ms', met: value <= 5_000 };
}
