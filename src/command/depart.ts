/**
 * `makhbar tenant depart|delete`: a laboratory leaves. Its departure is announced with a window, in which everything can be
 * taken (`tenant package`) and the departure be cancelled; after it, or at once on an order of its own, all is deleted.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { thing } from '../audit/security.ts';
import { deleteLaboratory, type Signed } from '../departing/delete.ts';
import { tellOfficers, withdrawTasks } from '../departing/officers.ts';
import { signatureKey } from '../departing/signature.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { announceWithin } from '../interactions/announce.ts';
import { createLog } from '../log.ts';
import type { Server } from '../request.ts';
import { shared } from '../start/http.ts';
import { announceDeparture, cancelDeparture, findDeparture, type Departure } from '../store/departures.ts';
import type { Database, Session } from '../store/pool.ts';
import { findTenant, findTenantById } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';

export interface DepartOptions extends Output {
  readonly days?: number;
  readonly cancel?: boolean;
  readonly status?: boolean;
}

const usualDays = 30;

export async function departCommand(name: string, options: DepartOptions): Promise<void> {
  const departure = await withDatabase(async (database, config) => {
    if (options.status === true) return departureOf(database, name);
    const server = shared(config, database, createLog('silent'));
    return options.cancel === true ? cancel(server, name) : announce(server, name, options.days ?? usualDays);
  });
  const { state, windowEnds } = departure;
  const told = options.cancel === true ? 'stays: its departure is cancelled' : sentences[state](windowEnds);
  print(options, { tenant: name, ...(options.cancel !== true && { state, windowEnds }) }, `Laboratory ${name} ${told}`);
}

const sentences: Readonly<Record<Departure['state'], (until: string) => string>> = {
  announced: (until) =>
    `leaves: until ${until} everything can be taken (makhbar tenant package) and the departure be cancelled (--cancel).`,
  deleting: () => 'is being deleted; makhbar tenant delete goes on with it.',
  deleted: () => 'was deleted; makhbar tenant delete gives its certificate again.',
};

async function departureOf(database: Database, name: string): Promise<Departure> {
  const departure = await findDeparture(database, name);
  if (departure !== undefined) return departure;
  throw outcomeError('not-found', `No departure of "${name}" is announced: makhbar tenant depart ${name}.`);
}

function announce(server: Server, name: string, days: number): Promise<Departure> {
  return server.database.operating(async (operator) => {
    const tenant = await findTenant(server.database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const departure = await announceDeparture(operator, tenant, { by: `operator ${userInfo().username}`, days });
    const session = await operator.become(tenant.id);
    await tell(session, departure, 'departure-announced');
    await tellOfficers({ server, tenant, session }, departure, 'announced');
    return departure;
  });
}

function cancel(server: Server, name: string): Promise<Departure> {
  return server.database.operating(async (operator) => {
    const departure = await cancelDeparture(operator, name);
    const tenant = await findTenantById(operator, departure.laboratory);
    const session = await operator.become(departure.laboratory);
    await tell(session, departure, 'departure-cancelled');
    if (tenant !== undefined) await withdrawTasks({ server, tenant, session }, departure);
    return departure;
  });
}

async function tell(
  session: Session,
  { name, windowEnds }: Departure,
  kind: 'departure-announced' | 'departure-cancelled',
): Promise<void> {
  await announceWithin(session, {
    kind,
    deed: 'makhbar tenant depart',
    agent: { subject: 'operator', client: 'makhbar', name: userInfo().username },
    reason: `Data can be taken until ${windowEnds}.`,
    further: [thing('laboratory', name)],
  });
}

export interface DeleteOptions extends Output {
  readonly confirm?: string;
  readonly now?: boolean;
  readonly certificate: string;
}

/** Goes on where it was stopped; once all is deleted, it gives the certificate again. */
export async function deleteCommand(name: string, options: DeleteOptions): Promise<void> {
  const folder = resolve(options.certificate);
  const { signed, key } = await withDatabase(async (database, config) => {
    const departure = await departureOf(database, name);
    checkOrder(departure, options);
    const server = shared(config, database, createLog('silent'));
    const { publicJwk } = signatureKey(config.keyEncryptionKey());
    // A disk that cannot take the certificate is found before anything goes.
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'key.json'), `${JSON.stringify(publicJwk)}\n`);
    const told = (what: string): boolean => options.json !== true && process.stderr.write(`deleted: ${what}\n`);
    const { certificate, signature } = departure;
    const known: Signed | undefined =
      departure.state === 'deleted' && certificate !== undefined && signature !== undefined
        ? { certificate, signature }
        : undefined;
    return { signed: known ?? (await deleteLaboratory(server, departure, told)), key: publicJwk['kid'] };
  });
  await writeFile(join(folder, 'certificate.json'), signed.certificate);
  await writeFile(join(folder, 'certificate.jws'), `${signed.signature}\n`);
  print(
    options,
    { tenant: name, certificate: join(folder, 'certificate.json'), key },
    `Laboratory ${name} was deleted: ${join(folder, 'certificate.json')}, signed by ${key ?? ''}`,
  );
}

/** @throws OutcomeError before the end of the window, and without the name a second time */
function checkOrder({ name, state, due, windowEnds }: Departure, { confirm, now }: DeleteOptions): void {
  if (state === 'deleted') return;
  if (confirm !== name) {
    const sentence = `This deletes all of ${name}, for good. Whoever means it says its name again: --confirm ${name}.`;
    throw outcomeError('required', sentence);
  }
  if (state === 'announced' && !due && now !== true) {
    const sentence = `The laboratory may take its data until ${windowEnds}. To delete all before, on its order: --now.`;
    throw outcomeError('conflict', sentence);
  }
}
