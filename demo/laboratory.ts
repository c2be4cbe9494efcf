/** The laboratory's own part of the day: specimens, controls, results, release, report, correction. */
import { strict as assert } from 'node:assert';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../src/fhir/json.ts';
import { catalogueSystem, codeIn, extensions, object, objects } from '../src/laboratory/terms.ts';
import type { Analyzer, Measured } from './analyzers.ts';
import type { Hospital } from './hospital.ts';
import { eventually, parameters, refer, resourcesOf, type Asker, type World } from './world.ts';

export interface Staff {
  readonly administrator: Asker;
  readonly phlebotomist: Asker;
  readonly technician: Asker;
  readonly pathologist: Asker;
}

export interface Tubes {
  /** References to the specimens, and the numbers on their labels. */
  readonly blood: { readonly specimen: string; readonly number: string };
  readonly serum: { readonly specimen: string; readonly number: string };
}

/** Rules of autoverification, as the laboratory writes them: what each finds a person must see. */
export async function setRules({ tell }: World, { administrator }: Staff): Promise<void> {
  const rules = [
    ['Critical', '%critical'],
    ['Changed', '%delta'],
    ['Not normal', "%interpretation.empty() or %interpretation != 'N'"],
    ['Control', "%control != 'in-control'"],
    ['Instrument', '%flags.exists()'],
  ] as const;
  await administrator.post('PlanDefinition', {
    ...{ resourceType: 'PlanDefinition', status: 'active', title: 'Autoverification' },
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/plan-definition-type', code: 'eca-rule' }] },
    topic: [{ coding: [{ system: 'urn:makhbar:laboratory', code: 'autoverification' }] }],
    action: rules.map(([title, expression]) => ({
      title,
      condition: [{ kind: 'applicability', expression: { language: 'text/fhirpath', expression } }],
    })),
  });
  tell(
    `Results are released by themselves unless a rule finds something: ${rules.map(([title]) => title.toLowerCase()).join(', ')}.`,
  );
}

export async function takeSpecimens(
  world: World,
  { phlebotomist, technician, pathologist }: Staff,
  { orders }: Hospital,
): Promise<Tubes> {
  const answer = await phlebotomist.post(
    'Specimen/$accession',
    parameters(...orders.map((order): [string, string] => ['order', order])),
    201,
  );
  const tube = async (name: string): Promise<Tubes['blood']> => {
    const found = resourcesOf(answer, 'specimen').find((one) => JSON.stringify(one['container']).includes(name));
    assert.ok(found, `No tube is called ${name}.`);
    const [specimen, number] = [refer(found), String(object(found['accessionIdentifier'])['value'])];
    const label = await phlebotomist.ask(`${specimen}/$label?format=pdf`);
    assert.equal(label.headers.get('content-type'), 'application/pdf');
    await writeFile(join(world.folder, `label-${number}.pdf`), Buffer.from(await label.arrayBuffer()));
    await phlebotomist.post(`${specimen}/$collect`, parameters());
    await technician.post(`${specimen}/$receive`, parameters());
    return { specimen, number };
  };
  const tubes = { blood: await tube('EDTA'), serum: await tube('Serum') };
  const custody = await pathologist.find(`Provenance?target=${tubes.blood.specimen}`);
  assert.ok(custody.length >= 2, 'The chain of custody has fewer than two links.');
  world.tell(
    `The phlebotomist accessioned the orders (${tubes.blood.number}, ${tubes.serum.number}), printed labels, collected; the laboratory received.`,
    join(world.folder, `label-${tubes.blood.number}.pdf`),
  );
  return tubes;
}

export interface Material {
  /** What the analyzer calls it. */
  readonly name: string;
  readonly lot: string;
  /** Of analytes, in the units of the catalogue: mean and standard deviation. */
  readonly targets: Readonly<Record<string, readonly [mean: number, sd: number]>>;
}

/** Tells the laboratory what a bottle of control material is. */
export async function openMaterial(
  { technician }: Staff,
  { device }: Analyzer,
  { name, lot, targets }: Material,
): Promise<void> {
  await technician.post('Substance', {
    ...{ resourceType: 'Substance', status: 'active', identifier: [{ value: name }], code: { text: name } },
    extension: [
      {
        url: 'urn:makhbar:extension:control-material',
        extension: [
          { url: 'lot', valueString: lot },
          { url: 'level', valueString: '1' },
          { url: 'device', valueReference: { reference: device } },
          ...Object.entries(targets).map(([analyte, [mean, sd]]) => ({
            url: 'target',
            extension: [
              { url: 'analyte', valueCode: analyte },
              { url: 'mean', valueDecimal: mean },
              { url: 'sd', valueDecimal: sd },
            ],
          })),
        ],
      },
    ],
  });
}

/** Sends controls from the analyzer, and waits until they are judged. @returns the rules that each broke, by analyte */
export async function runControls(
  { technician }: Staff,
  analyzer: Analyzer,
  material: string,
  controls: readonly Measured[],
): Promise<Record<string, string[]>> {
  const own = `Observation?category=urn:makhbar:observation-category|control&device=${analyzer.device}&_count=100`;
  const before = new Set((await technician.find(own)).map(refer));
  await analyzer.control(material, controls);
  return await eventually(`Controls of ${material}`, async () => {
    const judged = (await technician.find(own)).filter((one) => !before.has(refer(one)));
    return judged.length < controls.length
      ? undefined
      : Object.fromEntries(judged.map((one) => [codeIn(one['code'], catalogueSystem) ?? '', brokenBy(one)]));
  });
}

function brokenBy(control: JsonObject): string[] {
  return objects(extensions(control, 'control')[0]?.['extension']).flatMap(({ url, valueString }) =>
    url === 'broken' ? [String(valueString)] : [],
  );
}

export interface Result {
  readonly reference: string;
  readonly resource: JsonObject;
  readonly status: string;
  /** Where it stands in the table of states, while it is preliminary. */
  readonly state: string;
  readonly flag: string;
  readonly value: string;
}

/** The results of a patient by the code of the analyte. */
export async function resultsOf(reader: Asker, patient: string): Promise<Record<string, Result>> {
  const found = await reader.find(`Observation?subject=${patient}&_count=100`);
  return Object.fromEntries(
    found.map((resource) => {
      const result: Result = {
        reference: refer(resource),
        resource,
        status: String(resource['status']),
        state: String(extensions(resource, 'result-state')[0]?.['valueCode'] ?? ''),
        flag: String(objects(object(objects(resource['interpretation'])[0])['coding'])[0]?.['code'] ?? ''),
        value: `${String(object(resource['valueQuantity'])['value'])} ${String(object(resource['valueQuantity'])['code'])}`,
      };
      return [codeIn(resource['code'], catalogueSystem) ?? '', result];
    }),
  );
}

export async function waitForResults(
  reader: Asker,
  patient: string,
  analytes: readonly string[],
): Promise<Record<string, Result>> {
  return await eventually(`Results of ${analytes.join(', ')}`, async () => {
    const results = await resultsOf(reader, patient);
    return analytes.every((one) => results[one] !== undefined) ? results : undefined;
  });
}

/** Makes the PDF of a report. @returns the file */
export async function printReport(
  world: World,
  reader: Asker,
  report: string,
  name: string,
  query: string,
): Promise<string> {
  const answer = await reader.ask(`${report}/$report?${query}`, { headers: { accept: 'application/pdf' } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, `$report was answered ${answer.status}: ${bytes.toString('utf8', 0, 500)}`);
  assert.equal(bytes.toString('latin1', 0, 5), '%PDF-');
  const file = join(world.folder, `${name}.pdf`);
  await writeFile(file, bytes);
  return file;
}
