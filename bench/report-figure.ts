/**
 * $report as PDF: made for the first time (each report once, in English and in Arabic with Arabic digits), two callers at a
 * time, with 20 results in several sections; and again, as it was kept.
 */
import type { JsonObject } from '../src/fhir/json.ts';
import type { Bench } from './lines.ts';
import type { Figure } from './report.ts';
import { asking, entryOf, values } from './result-figure.ts';

const analytes = 20;
const reports = 40;
/** Those before are the warm-up. */
const first = 4;
const callers = 2;

export async function measureReports(bench: Bench): Promise<Figure[]> {
  const ask = asking(bench);
  const given = values().slice(0, analytes);
  const names: string[] = [];
  for (let n = 0; n < first + reports; n++) names.push(await reportOf(ask, given));
  const paper = (name: string, query: string): Promise<number> => timed(bench, `${name}/$report?${query}`);
  for (const name of names.slice(0, first)) for (const query of forms) await paper(name, query);
  const measured = names.slice(first);
  const figures: Figure[] = [];
  for (const [at, query] of forms.entries()) {
    const { times, rate } = await together(measured, (name) => paper(name, query));
    const alone = at === 0 ? 'English' : 'Arabic';
    figures.push(
      {
        ...duration(`$report, ${alone}, PDF of ${analytes} results, ${callers} callers, p50`, middle(times), 300),
        name: `report-${query.slice(9, 11)}`,
      },
      {
        name: `report-${query.slice(9, 11)}-rate`,
        title: `$report, ${alone}`,
        value: rate,
        unit: '/s',
        goal: '≥ 10/s',
        met: rate >= 10,
      },
    );
  }
  const { times } = await together(measured, (name) => paper(name, forms[0] ?? ''));
  figures.push({ ...duration('$report as it was kept, p50', middle(times), 300), name: 'report-kept' });
  return figures;
}

const forms = ['language=en', 'language=ar&digits=arab'];

function duration(title: string, value: number, goal: number): Omit<Figure, 'name'> {
  return { title, value, unit: 'ms', goal: `≤ ${goal} ms`, met: value <= goal };
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

async function together(
  names: readonly string[],
  work: (name: string) => Promise<number>,
): Promise<{ times: number[]; rate: number }> {
  const times: number[] = [];
  const waiting = [...names];
  const started = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) times.push(await work(name));
    }),
  );
  return { times, rate: (names.length * 1_000) / (performance.now() - started) };
}

async function timed({ port, token }: Bench, path: string): Promise<number> {
  const started = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/demo/fhir/${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const bytes = await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${Buffer.from(bytes).toString()}`);
  return performance.now() - started;
}

/** Results that were entered and reviewed, and their report, released. */
async function reportOf(
  ask: ReturnType<typeof asking>,
  given: readonly (readonly [string, string])[],
): Promise<string> {
  const { parameter } = await ask('Observation/$enter-results', await entryOf(ask, given));
  const named = (name: string): string[] =>
    (parameter as JsonObject[])
      .filter((one) => one['name'] === name)
      .map(({ resource }) => resource as JsonObject)
      .filter(({ status }) => status !== 'final' || name === 'report')
      .map(({ resourceType, id }) => `${String(resourceType)}/${String(id)}`);
  const [report = ''] = named('report');
  const waiting = named('result');
  if (waiting.length === 0) return report;
  const result = waiting.map((reference) => ({ name: 'result', valueReference: { reference } }));
  await ask('Observation/$review', { resourceType: 'Parameters', parameter: result });
  await ask(`${report}/$release`, { resourceType: 'Parameters', parameter: [] });
  return report;
}
