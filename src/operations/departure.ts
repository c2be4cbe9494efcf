/**
 * A laboratory leaves, announced by itself (manage/settings, with a fresh second factor). All at system level.
 *
 *   GET  [base]/$departure-status                 200: departure (0..1): state, asked, windowEnds
 *   POST [base]/$departure-announce  days?        200: departure; until the end of the window all can be taken
 *   POST [base]/$departure-cancel                 200: none any more
 *
 * Its data protection officers have a Task of it (departing/officers.ts). At the end of the window the server deletes the laboratory (start/departures.ts); before it the operator alone does so, on
 * its order. 30 days are the usual window, 7 the shortest: a mistake must be found in time, and all must be taken.
 */
import { thing } from '../audit/security.ts';
import { tellOfficers, withdrawTasks } from '../departing/officers.ts';
import type { KindName } from '../audit/kinds.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { announceWithin } from '../interactions/announce.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { announceDeparture, cancelDeparture, findDeparture, type Departure } from '../store/departures.ts';
import type { Operator } from '../store/pool.ts';
import { administrationOf, optional } from './administer.ts';
import { operationInput } from './parameters.ts';

const [shortest, usual, longest] = [7, 30, 365];

export async function departureStatus(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  return answer(await findDeparture(context.server.database, context.tenant.name));
}

export async function departureAnnounce(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['days']);
  const { by } = administrationOf(context);
  const written = optional(input, 'days') ?? String(usual);
  const days = /^\d{1,3}$/.test(written) ? Number(written) : 0;
  if (days < shortest || days > longest) {
    throw outcomeError('invalid', `days is a number from ${shortest} to ${longest}.`, { status: 400 });
  }
  return answer(
    await told(context, 'departure-announced', (operator) => announceDeparture(operator, context.tenant, { by, days })),
  );
}

export async function departureCancel(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  administrationOf(context);
  await told(context, 'departure-cancelled', (operator) => cancelDeparture(operator, context.tenant.name));
  return answer(undefined);
}

/** The change, the event of it and the Tasks, or none of them. */
function told(
  { server, tenant, caller }: Context,
  kind: Extract<KindName, 'departure-announced' | 'departure-cancelled'>,
  change: (operator: Operator) => Promise<Departure>,
): Promise<Departure> {
  return server.database.operating(async (operator) => {
    const departure = await change(operator);
    const { laboratory, name, windowEnds } = departure;
    const session = await operator.become(laboratory);
    await announceWithin(session, {
      kind,
      deed: kind === 'departure-announced' ? '$departure-announce' : '$departure-cancel',
      agent: { subject: caller.subject, client: caller.client },
      reason: `Data can be taken until ${windowEnds}.`,
      further: [thing('laboratory', name)],
    });
    const telling = { server, tenant, session };
    await (kind === 'departure-announced'
      ? tellOfficers(telling, departure, 'announced')
      : withdrawTasks(telling, departure));
    return departure;
  });
}

function answer(departure: Departure | undefined): Answer {
  if (departure === undefined) return { status: 200, resource: { resourceType: 'Parameters' } };
  const { state, asked, windowEnds } = departure;
  const part: JsonObject[] = [
    { name: 'state', valueCode: state },
    { name: 'asked', valueInstant: asked },
    { name: 'windowEnds', valueInstant: windowEnds },
  ];
  return { status: 200, resource: { resourceType: 'Parameters', parameter: [{ name: 'departure', part }] } };
}
