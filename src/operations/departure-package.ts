/**
 * What a laboratory takes with it when it leaves, as `makhbar tenant package` writes it (departing/package.ts), as one archive.
 *
 *   GET [base]/$departure-package?history=true        200: application/zip, made while it is sent
 *
 * 1. For those who may announce the departure (manage/settings, with a fresh second factor), and only while it is announced:
 *    nobody takes everything in silence.
 * 2. What is sent is known beforehand: the event, with how much of which type, stands before the first byte.
 * 3. A reader who takes nothing for `patience`, or goes away, ends the work. What was broken off has no directory and no
 *    manifest: it is not taken for all of it.
 */
import { Readable } from 'node:stream';
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import { keptFigures, thing } from '../audit/security.ts';
import { beginPackage } from '../departing/contents.ts';
import { packageArchive } from '../departing/package-archive.ts';
import { contextFor } from '../exporting/context.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { findDeparture } from '../store/departures.ts';
import { countsAt } from '../store/package-rows.ts';
import type { Session } from '../store/pool.ts';
import { administrationOf, optional } from './administer.ts';
import { operationInput } from './parameters.ts';

/** Milliseconds. */
const patience = 60_000;

export async function departurePackage(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['history']);
  administrationOf(context);
  const history = optional(input, 'history') ?? 'false';
  if (history !== 'true' && history !== 'false')
    throw outcomeError('invalid', 'history is true or false.', { status: 400 });
  const { server, tenant, requestId: id } = context;
  if ((await findDeparture(server.database, tenant.name))?.state !== 'announced') {
    throw outcomeError('conflict', 'The departure of this laboratory is not announced ($departure-announce).');
  }
  const own = ownContext(context);
  const frame = await beginPackage(own, history === 'true');
  const counts = await countsAt(own.session, frame.moment);
  context.trail.further.push(
    thing('process', `package ${id}`),
    ...Object.entries(counts).map(([type, { current }]) => keptFigures(type, current)),
  );
  const name = `${tenant.name}-${frame.moment.slice(0, 10)}.zip`;
  return {
    status: 200,
    headers: { 'content-disposition': `attachment; filename="${name}"`, 'cache-control': 'no-store' },
    raw: {
      contentType: 'application/zip',
      body: call.method === 'HEAD' ? Buffer.alloc(0) : patiently(packageArchive(own, frame)),
    },
  };
}

/** The laboratory's own right to all that is its own, whatever the caller may read; it lasts longer than the request. */
function ownContext({ server, tenant, base, requestId: id, caller: { subject, client } }: Context): Context {
  const session: Session = { tenant: tenant.id, query: (statement) => server.database.query(tenant.id, statement) };
  const caller = operatorCaller({ subject, client, scopes: parseScopes('system/*.rs') });
  return contextFor({ server, tenant, session, request: { base, caller }, id });
}

function patiently(chunks: AsyncGenerator<Buffer>): Readable {
  async function* watched(): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      const timer = setTimeout(() => body.destroy(new Error('The reader has gone.')), patience);
      try {
        yield chunk;
      } finally {
        clearTimeout(timer);
      }
    }
  }
  const body = Readable.from(watched(), { objectMode: false, highWaterMark: 262_144 });
  return body;
}
