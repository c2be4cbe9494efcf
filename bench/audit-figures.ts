/**
 * The audit log when it is large: what an auditor asks, sealing, verifying, and what an event costs on the disk.
 *
 * The events are made once for a data folder (audit-events.ts), in a laboratory of their own; they are sealed by the
 * running server, which is held back until all of them are there.
 */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { verifyLog } from '../src/sealing/verify.ts';
import { hasOpenEvents } from '../src/store/audit-seals.ts';
import { openDatabase, type Database } from '../src/store/pool.ts';
import { findTenant, type Tenant } from '../src/store/tenants.ts';
import { auditLaboratory, auditPatients, auditUsers, fillLog, patientId, resultId } from './audit-events.ts';
import { openConnection, requestBytes } from './connection.ts';
import type { Bench } from './lines.ts';
import { runCommand } from './processes.ts';
import type { Figure } from './report.ts';

export const auditFigures = ['audit-query', 'audit-seal', 'audit-verify', 'audit-bytes'] as const;

export interface AuditWanted {
  readonly bench: Bench;
  readonly events: number;
  wants(name: string): boolean;
  print(text: string): void;
  add(figure: Figure): void;
}

export async function measureAudit(wanted: AuditWanted): Promise<void> {
  const { bench, wants, add } = wanted;
  const database = openDatabase({ url: bench.ownUrl, connections: 4, statementTimeout: 600_000 });
  try {
    const tenant = await laboratory(wanted, database);
    if (wants('audit-bytes')) add(await bytesEach(bench.database));
    const rate = await sealingRate(wanted, database, tenant);
    if (rate !== undefined) add(rate);
    if (wants('audit-verify')) add(await verifyingRate(database, tenant));
    if (wants('audit-query')) await queries(wanted);
  } finally {
    await database.close();
  }
}

/** What seals a laboratory takes this lock for its transaction; held here for the session. */
const sealLock = `hashtextextended('audit-seal', $1)`;

async function laboratory({ bench, events, print }: AuditWanted, database: Database): Promise<Tenant> {
  const known = await findTenant(database, auditLaboratory);
  if (known !== undefined) return known;
  await runCommand(bench.dataDir, 'tenant', 'create', auditLaboratory);
  const tenant = await findTenant(database, auditLaboratory);
  if (tenant === undefined) throw new Error(`The laboratory ${auditLaboratory} was not created.`);
  const client = new pg.Client(bench.superuserUrl);
  await client.connect();
  try {
    await client.query(`select pg_advisory_lock(${sealLock})`, [tenant.id]);
    let shown = 0;
    const started = performance.now();
    await fillLog({
      client,
      tenant: tenant.id,
      events,
      progress: (share) => {
        if (Math.floor(share * 10) === shown) return;
        shown = Math.floor(share * 10);
        print(`making ${events.toLocaleString('en')} events: ${shown * 10} %`);
      },
    });
    print(`made in ${Math.round((performance.now() - started) / 1_000)} s`);
    await client.query('vacuum (analyze) audit_event');
    await client.query('vacuum (analyze) audit_patient');
    await client.query('vacuum (analyze) audit_agent');
    await client.query('checkpoint');
    return tenant;
  } finally {
    await client.end();
  }
}

/** Tables and indexes; the hashes of the seals are told apart, as they are there only once an event is sealed. */
async function bytesEach(database: pg.Client): Promise<Figure> {
  const { rows } = await database.query<{ bytes: string; events: string }>(
    `select sum(pg_total_relation_size(c.oid))::text as bytes, (select count(*)::text from audit_event) as events
     from pg_class c where c.relkind = 'r' and c.relname ~ '^audit_(event|patient|agent|seal)'`,
  );
  const value = Number(rows[0]?.bytes) / Number(rows[0]?.events);
  return { name: 'audit-bytes', title: 'a stored event', value, unit: 'bytes', goal: '≤ 700', met: value <= 700 };
}

/** Undefined where all was sealed before. */
async function sealingRate({ bench }: AuditWanted, database: Database, tenant: Tenant): Promise<Figure | undefined> {
  const open = await bench.database.query<{ count: number }>(
    `select count(*)::int4 as count from audit_event where tenant_id = $1 and transaction >= coalesce(
      (select high from audit_seal where tenant_id = $1 order by number desc limit 1), 0)`,
    [tenant.id],
  );
  const count = open.rows[0]?.count ?? 0;
  const started = performance.now();
  while (await hasOpenEvents(database, tenant.id)) await pause(100);
  const value = count / ((performance.now() - started) / 1_000);
  if (count < 10_000) return undefined;
  return { name: 'audit-seal', title: 'sealing', value, unit: 'events/s', goal: '≥ 2,000', met: value >= 2_000 };
}

async function verifyingRate(database: Database, tenant: Tenant): Promise<Figure> {
  const started = performance.now();
  const session = { tenant: tenant.id, query: <Row>(statement: never) => database.query<Row>(tenant.id, statement) };
  const { events, finding } = await verifyLog(session, tenant, { connect: database.options });
  if (finding !== undefined) throw new Error(finding.sentence);
  const value = events / ((performance.now() - started) / 1_000);
  const goal = '≥ 100,000';
  return { name: 'audit-verify', title: 'verifying', value, unit: 'events/s', goal, met: value >= 100_000 };
}

/** So many different questions of each kind. */
const times = 200;

async function queries({ bench, add }: AuditWanted): Promise<void> {
  const token = await runCommand(bench.dataDir, 'token', auditLaboratory);
  const connection = await openConnection('127.0.0.1', bench.port);
  for (const [name, query] of Object.entries(questions)) {
    const measured: number[] = [];
    for (let n = -10; n < times; n++) {
      const path = `/${auditLaboratory}/fhir/AuditEvent?${await query(bench.database, n + 10)}`;
      const request = requestBytes({ method: 'GET', path, token });
      const started = performance.now();
      const { status, begin } = await connection.send(request);
      if (status !== 200) throw new Error(`${name}: ${begin}`);
      if (n >= 0) measured.push(performance.now() - started);
    }
    measured.sort((one, other) => one - other);
    const at = (share: number): number => measured[Math.floor(measured.length * share)] ?? Number.NaN;
    const p50 = at(0.5);
    add({
      name: 'audit-query',
      title: `audit log by ${name}`,
      value: p50,
      unit: 'ms (p50)',
      goal: '≤ 20 ms',
      met: p50 <= 20,
    });
    add({ name: 'audit-query-p99', title: `audit log by ${name}`, value: at(0.99), unit: 'ms (p99)' });
  }
  connection.close();
}

type Question = (database: pg.Client, n: number) => string | Promise<string>;

/** A page of twenty each, newest first. Patients and users are spread over those who come often and seldom. */
const questions: Readonly<Record<string, Question>> = {
  patient: async (database, n) => `_count=20&patient=${await patient(database, n)}`,
  'patient, page of 100': async (database, n) => `_count=100&patient=${await patient(database, n)}`,
  'patient and month': async (database, n) =>
    `_count=20&patient=${await patient(database, n)}&date=ge${day(20)}&date=lt${day(10)}`,
  user: (_, n) => `_count=20&altid=user-${1 + ((n * 37) % auditUsers)}`,
  'user and period': (_, n) =>
    `_count=20&altid=user-${1 + ((n * 37) % auditUsers)}&date=ge${day(20)}&date=lt${day(10)}`,
  'user and patient': async (database, n) =>
    `_count=20&altid=user-${1 + ((n * 37) % auditUsers)}&patient=${await patient(database, n)}`,
  period: (_, n) => `_count=20&date=ge${day(25 - (n % 20))}&date=lt${day(24 - (n % 20))}`,
  resource: async (database, n) => `_count=20&entity=Observation/${await result(database, n)}`,
  'refusals of a period': (_, n) => `_count=20&type=110113&date=ge${day(25 - (n % 20))}`,
  refusals: () => '_count=20&outcome=8',
  'changes of users': () => '_count=20&subtype=110137',
  request: (_, n) => `_count=20&request-id=none-${n}`,
  'break-glass': () => '_count=20&break-glass=true',
};

function day(ago: number): string {
  return new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
}

function patient(database: pg.Client, n: number): Promise<string> {
  return idOf(database, patientId((n * 7_919) % auditPatients));
}

function result(database: pg.Client, n: number): Promise<string> {
  return idOf(database, resultId((n * 7_919) % auditPatients, n % 30));
}

async function idOf(database: pg.Client, statement: { text: string; values: unknown[] }): Promise<string> {
  const { rows } = await database.query<{ id: string }>(statement);
  return rows[0]?.id ?? '';
}
