/** $enter-results of a hundred analytes with checks, flags, formulas and autoverification, and Westgard rules over 10,000 points. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { decimalText } from '../src/fhir/decimal.ts';
import type { JsonObject } from '../src/fhir/json.ts';
import { catalogue } from '../src/laboratory/catalogue/catalogue.ts';
import { readTables } from '../src/laboratory/catalogue/tables.ts';
import { readDefinition } from '../src/laboratory/definition.ts';
import { judge } from '../src/laboratory/quality/westgard.ts';
import type { Bench } from './lines.ts';
import type { Figure } from './report.ts';

const analytes = 100;
/** Those before are the warm-up. */
const first = 5;
const times = 30;

const folder = resolve(import.meta.dirname, '../seed');

/** Analytes that are measured in serum, each with a value that can be. */
export function values(): [analyte: string, value: string][] {
  const tables = readTables((name) => readFileSync(resolve(folder, `${name}.csv`), 'utf8'));
  const serum = new Set(tables.analytes.filter((row) => row['container'] === 'serum').map((row) => row['code']));
  return catalogue(tables)
    .filter(({ resourceType }) => resourceType === 'ObservationDefinition')
    .map(readDefinition)
    .filter(({ code, types, calculation }) => serum.has(code) && types[0] === 'Quantity' && calculation === undefined)
    .slice(0, analytes)
    .map(({ code = '', intervals }) => {
      const reference = intervals.find(({ category }) => category === 'reference');
      const absolute = intervals.find(({ category }) => category === 'absolute');
      const bound = reference?.high ?? reference?.low ?? absolute?.high ?? absolute?.low;
      return [code, bound === undefined ? '10' : String(Number(decimalText(bound.value)))];
    });
}

const rules: JsonObject = {
  resourceType: 'PlanDefinition',
  status: 'active',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/plan-definition-type', code: 'eca-rule' }] },
  topic: [{ coding: [{ system: 'urn:makhbar:laboratory', code: 'autoverification' }] }],
  action: ['%critical', '%delta', "%interpretation.empty() or %interpretation != 'N'", '%flags.exists()'].map(
    (expression) => ({
      title: expression,
      condition: [{ kind: 'applicability', expression: { language: 'text/fhirpath', expression } }],
    }),
  ),
};

export async function measureResults(bench: Bench): Promise<Figure[]> {
  const ask = asking(bench);
  const given = values();
  await ask('PlanDefinition', rules);
  const measured: number[] = [];
  for (let n = 0; n < first + times; n++) {
    const entering = await entryOf(ask, given);
    const started = performance.now();
    await ask('Observation/$enter-results', entering);
    if (n >= first) measured.push(performance.now() - started);
  }
  const median = measured.toSorted((a, b) => a - b)[Math.floor(measured.length / 2)] ?? Number.NaN;
  const rate = (given.length * 1_000) / median;
  const judged = judging();
  return [
    {
      name: 'results',
      title: `$enter-results of ${given.length} analytes, one caller (p50 ${median.toFixed(0)} ms)`,
      value: rate,
      unit: 'results/s',
      goal: '≥ 1,000 results/s',
      met: rate >= 1_000,
    },
    {
      name: 'westgard',
      title: 'Westgard rules over 10,000 points',
      value: judged,
      unit: 'ms',
      goal: '≤ 50 ms',
      met: judged <= 50,
    },
  ];
}

/** A patient's orders, and what is entered for them. */
export async function entryOf(
  ask: ReturnType<typeof asking>,
  given: readonly (readonly [string, string])[],
): Promise<JsonObject> {
  const person = { resourceType: 'Patient', gender: 'female', birthDate: '1980-05-02' };
  const patient = `Patient/${String((await ask('Patient', person))['id'])}`;
  const made = await ask('ServiceRequest/$order', {
    resourceType: 'Parameters',
    parameter: [
      { name: 'patient', valueReference: { reference: patient } },
      ...given.map(([analyte]) => ({ name: 'test', valueString: analyte })),
    ],
  });
  const orders = (made['parameter'] as JsonObject[]).filter(({ name }) => name === 'order');
  return {
    resourceType: 'Parameters',
    parameter: [
      ...orders.map(({ resource }) => ({
        name: 'order',
        valueReference: { reference: `ServiceRequest/${String((resource as JsonObject)['id'])}` },
      })),
      ...given.map(([analyte, value]) => ({
        name: 'result',
        part: [
          { name: 'analyte', valueString: analyte },
          { name: 'value', valueString: value },
        ],
      })),
    ],
  };
}

/** The fastest of some runs: what the rules cost, not what the machine does besides. */
function judging(): number {
  const points = Array.from({ length: 10_000 }, (_, i) => ({
    level: String((i % 3) + 1),
    run: String(Math.floor(i / 3)),
    value: 4 + Math.sin(i) / 5,
    mean: 4,
    sd: 0.1,
  }));
  const runs = Array.from({ length: 10 }, () => {
    const started = performance.now();
    judge(points);
    return performance.now() - started;
  });
  return Math.min(...runs);
}

export function asking({ port, token }: Bench): (path: string, body: JsonObject) => Promise<JsonObject> {
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
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as JsonObject;
  };
}
