/**
 * The one door: HTTP requests, entries of a Bundle, gateway messages, jobs and pages all come through here, so that
 * no path can forget who may do what.
 */
import { authorise } from './access/decide.ts';
import { findRoute } from './interactions/routes.ts';
import type { Answer, Context, Request } from './request.ts';

/** @throws OutcomeError for everything that is refused. */
export async function serve(context: Context, request: Request): Promise<Answer> {
  const { route, call } = findRoute(request);
  authorise(context.caller, route.interaction, call.target);
  return route.handler(context, call);
}
