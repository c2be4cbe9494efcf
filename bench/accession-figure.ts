/** $order and $accession of ten tests in four containers, one caller after another's answer, over HTTP. */
import type { JsonObject } from '../src/fhir/json.ts';
import type { Bench } from './lines.ts';
import { postgresSeconds, processorSeconds } from './processes.ts';
import type { Figure } from './report.ts';

const tests = [
  'fbc',
  'hba1c',
  'prothrombin-time',
  'sodium',
  'potassium',
  'chloride',
  'urea',
  'creatinine',
  'tsh',
  'esr',
];

/** Those before are the warm-up. */
const first = 50;
const times = 500;

export async function measureAccession(bench: Bench): Promise<Figure[]> {
  const ask = asking(bench);
  const measured = { order: [] as number[], accession: [] as number[] };
  const spent = (): [number, number] => [processorSeconds(bench.pid), postgresSeconds(bench.dataDir)];
  let before = spent();
  for (let n = 0; n < first + times; n++) {
    if (n === first) before = spent();
    const patient = `Patient/${String((await ask('Patient', { resourceType: 'Patient' }))['id'])}`;
    const timed = async (name: keyof typeof measured, path: string, given: JsonObject[]): Promise<JsonObject> => {
      const started = performance.now();
      const answer = await ask(path, { resourceType: 'Parameters', parameter: given });
      if (n >= first) measured[name].push(performance.now() - started);
      return answer;
    };
    const made = await timed('order', 'ServiceRequest/$order', [
      { name: 'patient', valueReference: { reference: patient } },
      ...tests.map((test) => ({ name: 'test', valueString: test })),
    ]);
    const requisition = (made['parameter'] as JsonObject[]).find(({ name }) => name === 'requisition');
    await timed('accession', 'Specimen/$accession', [{ ...requisition, name: 'requisition' }]);
  }
  const [node, postgres] = spent().map((now, i) => ((now - (before[i] ?? 0)) / times) * 1_000);
  return [
    figure('accession', '$accession of 10 tests', measured.accession, 50),
    figure('order', '$order of 10 tests', measured.order),
    { name: 'accession-node', title: 'processor time of node for both and a patient', value: node ?? 0, unit: 'ms' },
    {
      name: 'accession-postgres',
      title: 'processor time of postgres for both and a patient',
      value: postgres ?? 0,
      unit: 'ms',
    },
  ];
}

function asking({ port, token }: Bench): (path: string, body: JsonObject) => Promise<JsonObject> {
  return async (path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}/demo/fhir/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/fhir+json',
        prefer: 'return=representation',
      },
      body: JSON.stringify(body),
    });
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as JsonObject;
  };
}

function figure(name: string, title: string, measured: readonly number[], goal?: number): Figure {
  const sorted = measured.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  const value = at(0.99);
  const shown = `${title} (p50 ${at(0.5).toFixed(1)} ms)`;
  if (goal === undefined) return { name, title: shown, value, unit: 'ms (p99)' };
  return { name, title: shown, value, unit: 'ms (p99)', goal: `≤ ${goal} ms`, met: value <= goal };
}
