/**
 * The one door: HTTP requests, entries of a Bundle, gateway messages, jobs and pages all come through here, so that
 * no path can forget who may do what, nor what was done: every interaction has one AuditEvent, which is stored before the
 * answer leaves. Without it there is no answer.
 */
import { Readable } from 'node:stream';
import { authorise } from './access/decide.ts';
import { grantingFor } from './interactions/access.ts';
import { refuseAuditChange } from './interactions/audit-log.ts';
import { audit, failureOf, type Result } from './interactions/audited.ts';
import type { Call, Door } from './interactions/call.ts';
import { findRoute, type Route } from './interactions/routes.ts';
import { orErased } from './interactions/tombstone.ts';
import { askedOf, newTrail, unrouted, type Asked } from './interactions/trail.ts';
import type { Answer, Context, Request } from './request.ts';

/** @throws OutcomeError for everything that is refused. */
export async function serve(context: Context, request: Request): Promise<Answer> {
  const { route, call } = await routed(context, request);
  const inside = { ...context, trail: newTrail(askedOf(route.interaction, call)) };
  const answer = await handled(inside, route, call).catch(async (error: unknown) => {
    const told = await orErased(inside, call.target, error);
    await auditFailure(inside, failureOf(told));
    throw told;
  });
  try {
    await audit(inside, answer.status < 400 ? { outcome: 0 } : { outcome: 4, reason: String(answer.status) });
    return answer;
  } catch (error) {
    if (answer.raw?.body instanceof Readable) answer.raw.body.destroy();
    throw error;
  }
}

async function routed(context: Context, request: Request): Promise<ReturnType<typeof findRoute>> {
  try {
    return findRoute(request);
  } catch (error) {
    await refused(context, request, error);
    throw error;
  }
}

async function handled(context: Context, route: Route, call: Call): Promise<Answer> {
  authorise(grantingFor(context), route.interaction, call.target);
  refuseAuditChange(context, route.interaction, call.target);
  return route.handler(context, call);
}

/** Stores the event of a request that was refused before it came to the door. */
export async function refused(context: Context, request: Request, error: unknown): Promise<void> {
  await auditFailure({ ...context, trail: newTrail(askedBy(request)) }, failureOf(error));
}

function askedBy(request: Request): Asked {
  try {
    const { route, call } = findRoute(request);
    return askedOf(route.interaction, call);
  } catch {
    return unrouted(request);
  }
}

/** What was forbidden is an alert of its own kind; what it was shows beside it. */
async function auditFailure(context: Context, result: Result): Promise<void> {
  const { trail } = context;
  const { asked } = trail;
  // A write that was stored has its event; what failed after it is another.
  trail.stored = false;
  if (asked.kind !== undefined && result.reason !== undefined && /^40[13] /.test(result.reason)) {
    const deed = asked.deed ?? (asked.kind === 'request-refused' ? undefined : asked.kind);
    trail.asked = { ...asked, kind: 'access-denied', ...(deed !== undefined && { deed }) };
  }
  await audit(context, result);
}

export const door: Door = {
  admit: (context, request) => {
    const { route, call } = findRoute(request);
    authorise(grantingFor(context), route.interaction, call.target);
    refuseAuditChange(context, route.interaction, call.target);
    return { interaction: route.interaction, call };
  },
  serve,
  refused,
};
