/** What an export is run under: the caller who asked for it, with what he might do then. Nothing is asked of the door. */
import type { Caller } from '../access/caller.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Door } from '../interactions/call.ts';
import { newTrail, untracked } from '../interactions/trail.ts';
import type { Context } from '../request.ts';
import type { ExportRequest } from './request.ts';

const shut: Door = {
  admit: () => {
    throw outcomeError('exception', 'An export asks for nothing by requests.');
  },
  serve: () => Promise.reject(outcomeError('exception', 'An export asks for nothing by requests.')),
  refused: () => Promise.resolve(),
};

export function contextFor({
  server,
  tenant,
  session,
  request,
  id,
}: Pick<Context, 'server' | 'tenant' | 'session'> & {
  readonly request: Pick<ExportRequest, 'base' | 'caller'>;
  readonly id: string;
}): Context {
  return {
    server,
    tenant,
    session,
    caller: recalled(request.caller),
    base: request.base,
    requestId: id,
    address: '',
    trail: newTrail(untracked),
    inTransaction: false,
    door: shut,
  };
}

/** One remembered before permits told the filters of roles from those of tokens: both are the token's. */
function recalled(caller: Caller): Caller {
  const permits = caller.permits.map((permit) => ({ ...permit, roleFilters: permit.roleFilters ?? [] }));
  return { ...caller, permits, rolePermits: caller.rolePermits ?? [] };
}
