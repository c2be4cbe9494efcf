/**
 * The one door: HTTP requests, entries of a Bundle, gateway messages, jobs and pages all come through here, so that
 * no path can forget who may do what.
 */
import { authorise } from './access/decide.ts';
import { grantingFor } from './interactions/access.ts';
import type { Call, Door } from './interactions/call.ts';
import { findRoute, type Route } from './interactions/routes.ts';
import type { Answer, Context, Request } from './request.ts';

/** @throws OutcomeError for everything that is refused. */
export async function serve(context: Context, request: Request): Promise<Answer> {
  const { route, call } = admitted(context, request);
  return route.handler(context, call);
}

function admitted(context: Context, request: Request): { route: Route; call: Call } {
  const found = findRoute(request);
  authorise(grantingFor(context), found.route.interaction, found.call.target);
  return found;
}

export const door: Door = {
  admit: (context, request) => {
    const { route, call } = admitted(context, request);
    return { interaction: route.interaction, call };
  },
  serve,
};
