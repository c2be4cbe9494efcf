/**
 * A day of a laboratory, from the order of a hospital to the departure of the laboratory, through the interfaces that others
 * use: MLLP, ASTM, IHE LAW, the FHIR interface with tokens of people who signed in, the command line. Whatever is not as it
 * must be ends it with a sentence.
 */
import { strict as assert } from 'node:assert';
import { rm } from 'node:fs/promises';
import { openBloodCounter, openChemistry } from './analyzers.ts';
import { auditIt, launchApp, withdrawConsent } from './afterwards.ts';
import { openHospital } from './hospital.ts';
import { takeRecorded } from './recorded.ts';
import {
  openMaterial,
  printReport,
  resultsOf,
  runControls,
  setRules,
  takeSpecimens,
  waitForResults,
  type Staff,
} from './laboratory.ts';
import { moveOut } from './leaving.ts';
import { invite, signIn, type NewPerson } from './people.ts';
import { startServer, type Server } from './server.ts';
import { asker, parameters, refer, temporary, type Asker, type Told, type World } from './world.ts';

export interface Day {
  /** Where the documents are that were made. */
  readonly folder: string;
  readonly tell: Told;
  /** The heading of what follows. */
  readonly begin: (title: string) => void;
}

export async function runDay({ folder, tell, begin }: Day): Promise<void> {
  const stops: (() => unknown)[] = [];
  try {
    begin('A fresh laboratory');
    const data = await temporary('day');
    stops.push(() => rm(data, { recursive: true, force: true }));
    const server = await startServer(data);
    stops.push(server.stop);
    const world: World = { server, folder, tell };
    tell('A server with an empty database and the starter catalogue is ready.', `${server.base}/metadata`);
    await pass(world, begin, stops);
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

const bench = { client: 'bench', redirect: 'https://bench.example.org/signed-in', scope: 'openid user/*.cruds' };

const staff = {
  administrator: { username: 'amal', display: 'Amal', roles: ['administrator'], fhirUser: 'Practitioner/amal' },
  phlebotomist: { username: 'nadia', display: 'Nadia', roles: ['phlebotomist'], fhirUser: 'Practitioner/nadia' },
  technician: { username: 'tarek', display: 'Tarek', roles: ['technician'], fhirUser: 'Practitioner/tarek' },
  pathologist: { username: 'salma', display: 'Dr. Salma', roles: ['pathologist'], fhirUser: 'Practitioner/salma' },
} satisfies Record<keyof Staff, NewPerson>;

const desk: NewPerson = { username: 'rim', display: 'Rim', roles: ['reception'], fhirUser: 'Practitioner/rim' };

async function signedIn(server: Server, person: NewPerson): Promise<Asker> {
  const { access_token: token } = await signIn(server, await invite(server, person), bench);
  return asker(server, token);
}

async function openForWork({ server, tell }: World): Promise<Staff> {
  await server.makhbar(
    ...['client', 'add', 'demo', '--kind', 'public', '--name', 'Workbench', '--id', bench.client],
    ...['--redirect', bench.redirect, '--scope', bench.scope],
  );
  for (const [setting, value] of [
    ['releaseFactorMinutes', '15'],
    ['fourEyes', 'true'],
    ['accessTokenMinutes', '30'],
    ['timezone', 'Asia/Aden'],
  ] as const) {
    await server.makhbar('tenant', 'set', 'demo', setting, value);
  }
  const { administrator, phlebotomist, technician, pathologist } = staff;
  const people = {
    administrator: await signedIn(server, administrator),
    phlebotomist: await signedIn(server, phlebotomist),
    technician: await signedIn(server, technician),
    pathologist: await signedIn(server, pathologist),
  };
  for (const { username, display } of Object.values(staff)) {
    await people.administrator.put(`Practitioner/${username}`, {
      ...{ resourceType: 'Practitioner', id: username, name: [{ text: display }] },
    });
  }
  tell(
    'An administrator, a phlebotomist, a technician and a pathologist were invited and signed in; two of them with a second factor.',
  );
  return people;
}

const heldTasks = 'Task?code=urn:makhbar:task|control-failed&status=requested';

async function pass(world: World, begin: Day['begin'], stops: (() => unknown)[]): Promise<void> {
  const { server, tell } = world;
  const people = await openForWork(world);
  const { technician, pathologist } = people;
  await setRules(world, people);

  begin('A hospital orders');
  const hospital = await openHospital(world, technician);
  stops.push(hospital.stop);
  const { patient } = hospital;

  begin('Specimens');
  const { blood, serum } = await takeSpecimens(world, people, hospital);

  begin('Quality control');
  const counter = await openBloodCounter(world, people);
  stops.push(counter.stop);
  const chemistry = await openChemistry(world, people);
  stops.push(chemistry.stop);
  await openMaterial(people, counter, { name: 'BLOOD-1', lot: 'H-24', targets: { hb: [120, 2] } });
  await openMaterial(people, chemistry, {
    ...{ name: 'SERUM-1', lot: 'C-24' },
    targets: { sodium: [140, 1.5], potassium: [4, 0.1] },
  });
  assert.deepEqual(await runControls(people, counter, 'BLOOD-1', [['HGB', '12.1', 'g/dL']]), { hb: [] });
  tell('The blood counter sent its control by ASTM: 12.1 g/dL became 121 g/L and is within the limits of its lot.');
  const judged = await runControls(people, chemistry, 'SERUM-1', [
    ['NA', '140', 'mmol/L'],
    ['K', '4.4', 'mmol/L'],
  ]);
  assert.deepEqual(judged['sodium'], []);
  assert.ok(judged['potassium']?.includes('1-3s'), `Potassium broke ${String(judged['potassium'])}.`);
  assert.equal((await technician.find(heldTasks)).length, 1);
  tell(
    'The chemistry analyzer sent its controls by IHE LAW: potassium is four standard deviations off (1-3s), and its results are held.',
  );

  begin('Analyzers');
  assert.deepEqual(await counter.ask(blood.number), ['CBC']);
  await counter.report(blood.number, [
    ...([
      ['WBC', '6.4', '10*3/uL'],
      ['RBC', '3.10', '10*6/uL'],
      ['HGB', '6.8', 'g/dL', 'LL'],
    ] as const),
    ...([
      ['HCT', '21.9', '%'],
      ['MCV', '70.6', 'fL'],
      ['MCH', '21.9', 'pg'],
      ['MCHC', '31.1', 'g/dL'],
      ['RDW-CV', '18.2', '%'],
      ['PLT', '251', '10*3/uL'],
      ['MPV', '9.4', 'fL'],
    ] as const),
  ]);
  assert.deepEqual((await chemistry.ask(serum.number)).sort(), ['CREA', 'K', 'NA']);
  await chemistry.report(serum.number, [
    ['K', '4.3', 'mmol/L'],
    ['NA', '139', 'mmol/L'],
    ['CREA', '71', 'umol/L'],
  ]);
  const results = await waitForResults(technician, patient, ['wbc', 'hb', 'plt', 'potassium', 'sodium', 'creatinine']);
  tell(
    'The blood counter asked by ASTM, the chemistry analyzer by IHE LAW; both got their work and sent results in their own codes.',
  );
  assert.equal(results['hb']?.value, '68 g/L');
  tell('6.8 g/dL of haemoglobin became 68 g/L, and are critical.');
  assert.deepEqual([results['hb']?.flag, results['hb']?.status], ['LL', 'preliminary']);
  assert.deepEqual([results['potassium']?.state, results['potassium']?.status], ['held', 'preliminary']);
  for (const one of ['wbc', 'plt', 'sodium', 'creatinine']) {
    assert.equal(results[one]?.status, 'final', `${one} was not released: ${JSON.stringify(results[one]?.resource)}`);
  }
  tell('White cells, platelets, sodium and creatinine are normal and were released by the rules; potassium is held.');

  begin('Release');
  const critical = String(results['hb']?.reference);
  await technician.post(`${critical}/$call-back`, parameters(['receiver', 'Dr. Huda Hassan'], ['readBack', true]));
  tell('The technician called the critical haemoglobin, and Dr. Hassan read it back.');
  assert.deepEqual(await runControls(people, chemistry, 'SERUM-1', [['K', '4.05', 'mmol/L']]), { potassium: [] });
  await pathologist.post(
    'Observation/$control-release',
    parameters(
      ['device', chemistry.device],
      ['analyte', 'potassium'],
      ['reason', 'Electrode cleaned, control repeated: 4.05'],
    ),
  );
  const open = Object.values(await resultsOf(technician, patient)).filter(({ status }) => status === 'preliminary');
  await technician.post(
    'Observation/$review',
    parameters(...open.map(({ reference }): [string, string] => ['result', reference])),
  );
  const reports = (await pathologist.find(`DiagnosticReport?subject=${patient}`)).filter(
    ({ status }) => status !== 'final',
  );
  for (const report of reports) {
    const refused = await technician.ask(`${refer(report)}/$release`, {
      method: 'POST',
      body: JSON.stringify(parameters()),
    });
    assert.ok(
      refused.status === 403 || refused.status === 401,
      `The technician's release was answered ${refused.status}.`,
    );
    const released = await pathologist.post(`${refer(report)}/$release`, parameters());
    assert.equal(released['status'], 'final');
  }
  tell(`The technician reviewed, but may not release; the pathologist released with a second factor and signed.`);

  begin('Reports');
  const ofBlood = reports.find((one) => JSON.stringify(one['result']).includes(critical)) ?? {};
  const files = [
    await printReport(world, pathologist, refer(ofBlood), 'report-en', 'language=en'),
    await printReport(world, pathologist, refer(ofBlood), 'report-ar', 'language=ar'),
  ];
  tell('The report as PDF/A, in English and in Arabic.', ...files);
  const [oru = ''] = await hospital.received('ORU', 1);
  assert.match(oru, /\rOBX\|/);
  tell('The hospital got its results back as ORU^R01.');

  begin('Recorded analyzers');
  await takeRecorded(world, people, await signedIn(server, desk));

  begin('The EMR');
  await launchApp(world, technician, patient);

  begin('Consent');
  await withdrawConsent(world, (person) => signedIn(server, person), patient);

  begin('A correction');
  const before = (await hospital.received('ORU', 1)).length;
  const potassium = String(results['potassium']?.reference);
  const corrected = await pathologist.post(
    `${potassium}/$correct`,
    parameters(['value', '4.1'], ['reason', 'Haemolysed tube was mixed up; measured again']),
  );
  assert.ok(corrected);
  const history = await pathologist.get(`${potassium}/_history`);
  assert.ok(Number(history['total']) >= 3);
  const again = await hospital.received('ORU', before + 1);
  assert.match(again.join('\r'), /\|C\|/);
  tell(
    'Potassium was corrected to 4.1; the old version is kept, and the hospital was told (OBX-11 C).',
    `${server.base}/${potassium}/_history`,
  );

  begin('Who saw it');
  await auditIt(world, (person) => signedIn(server, person), patient);

  begin('Leaving');
  await moveOut(world);
}
