/**
 * What consents cost a search: 100 of them on one patient and 10,000 in the laboratory. The same searches by a caller whom
 * they bind and by one whom they do not; both go to Makhbar. Of the 100 a quarter concerns the caller and looks at labels.
 */
import { join } from 'node:path';
import { readConfig } from '../src/config.ts';
import { issueToken } from '../src/identity/token.ts';
import { parseScopes } from '../src/access/scopes.ts';
import { openDatabase } from '../src/store/pool.ts';
import { makeTenantCache } from '../src/store/tenant-cache.ts';
import { panels } from './catalog.ts';
import { get, ours, type Bench, type Line } from './lines.ts';

const onOne = 100;
const inAll = 10_000;
const each = 500;

const coded = (system: string, code: string): object => ({ coding: [{ system, code }] });
const reason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const labels = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';

function recipient(reference: string): object {
  return {
    role: coded('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'),
    reference: { reference },
  };
}

/** Four kinds in turn. */
function provision(n: number): object {
  const kinds = [
    { type: 'permit', actor: [recipient(`Practitioner/${n}`)], purpose: [{ system: reason, code: 'TREAT' }] },
    { type: 'deny', purpose: [{ system: reason, code: 'HRESCH' }] },
    { type: 'deny', actor: [recipient(`Organization/${n}`)], code: [coded('http://loinc.org', '75622-1')] },
    { type: 'permit', provision: [{ type: 'deny', securityLabel: [{ system: labels, code: 'R' }] }] },
  ];
  return kinds[n % kinds.length] ?? {};
}

function consent(n: number, patient: string): object {
  return {
    resourceType: 'Consent',
    id: `bench-${n}`,
    status: 'active',
    scope: coded('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
    category: [coded('http://loinc.org', '59284-0')],
    patient: { reference: `Patient/${patient}` },
    policy: [{ uri: 'https://laboratory.example/privacy' }],
    provision: provision(n),
  };
}

/** Written once for each data set. */
const prepared = new WeakMap<Bench, Promise<Prepared>>();

interface Prepared {
  readonly bound: Bench;
  /** Who has 100 consents. */
  readonly patient: string;
}

function preparedFor(bench: Bench): Promise<Prepared> {
  const known = prepared.get(bench) ?? prepare(bench);
  prepared.set(bench, known);
  return known;
}

async function prepare(bench: Bench): Promise<Prepared> {
  const { rows } = await bench.database.query<{ fhir_id: string }>(
    'select fhir_id from resource where tenant_id = $1 and type = 102 and not deleted order by rid limit $2',
    [bench.tenant, inAll],
  );
  const ids = rows.map((row) => row.fhir_id);
  const [patient = ''] = ids;
  // One a patient, as where 10,000 patients have signed: what a smaller data set lacks of them is not there.
  const whose = (n: number): string => (n < onOne ? patient : (ids[1 + n - onOne] ?? `unseen-${n}`));
  for (let from = 0; from < inAll; from += each) {
    const consents = Array.from({ length: each }, (_, i) => consent(from + i, whose(from + i)));
    await write(bench, consents);
  }
  // A kept data set has their former rows too.
  await bench.database.query('vacuum analyze consent_rule');
  return { bound: { ...bench, token: await boundToken(bench) }, patient };
}

async function write({ port, token }: Bench, consents: readonly object[]): Promise<void> {
  const entry = consents.map((resource) => ({
    resource,
    request: { method: 'PUT', url: `Consent/${(resource as { id: string }).id}` },
  }));
  const answer = await fetch(`http://127.0.0.1:${port}/demo/fhir`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', authorization: `Bearer ${token}`, prefer: 'return=minimal' },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  if (!answer.ok) throw new Error(`The consents were not written: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

/** Of a practitioner who treats. */
async function boundToken({ dataDir, ownUrl }: Bench): Promise<string> {
  const database = openDatabase({ url: ownUrl, connections: 2, statementTimeout: 60_000 });
  try {
    const tenant = await makeTenantCache(database).find('demo');
    if (tenant === undefined) throw new Error('The data set is in the laboratory demo.');
    const keyEncryptionKey = readConfig({ DATA_DIR: join(dataDir, 'data') }).keyEncryptionKey();
    const about = { fhirUser: 'Practitioner/bench', purposes: ['TREAT'], consent: 'enforced' } as const;
    const wanted = { scopes: parseScopes('user/*.rs'), subject: 'bench', about };
    return (await issueToken({ database, keyEncryptionKey }, tenant, wanted)).token;
  } finally {
    await database.close();
  }
}

const byCode = (bench: Bench): Buffer[] =>
  panels
    .flatMap(({ tests }) => tests)
    .map(({ code }) => get(bench, `Observation?code=http://loinc.org|${code}&_count=20`));

export const consentLines: readonly Line[] = [
  {
    name: 'consent-patient',
    title: 'search of a patient with 100 consents | the same by a caller whom none binds',
    unit: 'requests/s',
    connections: 1,
    latency: 1.5,
    ours: async (bench) => {
      const { bound, patient } = await preparedFor(bench);
      return ours(bound, [200], [get(bound, `Observation?patient=${patient}&_count=20`)]);
    },
    limit: async (bench) => {
      const { patient } = await preparedFor(bench);
      return ours(bench, [200], [get(bench, `Observation?patient=${patient}&_count=20`)]);
    },
  },
  {
    name: 'consent-code',
    title: 'search by code among 10,000 consents | the same by a caller whom none binds',
    unit: 'requests/s',
    connections: 1,
    latency: 1.5,
    ours: async (bench) => {
      const { bound } = await preparedFor(bench);
      return ours(bound, [200], byCode(bound));
    },
    limit: async (bench) => {
      await preparedFor(bench);
      return ours(bench, [200], byCode(bench));
    },
  },
];
