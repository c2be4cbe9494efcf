/** A bulk import (importing/step.ts) as a job; its end has an event with what was stored and what was not. */
import { contextFor } from '../exporting/context.ts';
import { endOf } from '../importing/end.ts';
import { importFrom } from '../importing/request.ts';
import { importSome } from '../importing/step.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { readImport } from '../store/imports.ts';
import { loadSearchState } from '../store/search-parameters.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

const mostTries = 5;

export async function importJob({ server, searchStates }: JobContext, run: Run): Promise<Step> {
  const { job, session, tenant, until } = run;
  const id = String(job.input['import']);
  const made = await readImport(session, id);
  if (made?.state !== 'running') return { done: job.done };
  const search = await loadSearchState(server.database, tenant.id, searchStates.get(tenant.id));
  searchStates.set(tenant.id, search);
  const request = importFrom(made.request);
  const context = contextFor({ server, tenant: { ...tenant, search }, session, request, id });
  try {
    if (await importSome({ context, made, until })) return more(run, {});
    await endOf(context, id, undefined);
  } catch (error) {
    const passing = error instanceof OutcomeError && isPassing(error);
    if ((!(error instanceof OutcomeError) || passing) && job.attempts + 1 < mostTries) throw error;
    if (!(error instanceof OutcomeError)) server.log.error({ err: error, tenant: tenant.id }, 'import failed');
    const unknown = 'The server failed in a way it does not know; its log has the rest.';
    await endOf(context, id, error instanceof OutcomeError ? error.message : unknown);
  }
  return { done: job.done };
}

function isPassing(error: OutcomeError): boolean {
  return ['transient', 'lock-error', 'timeout', 'no-store', 'throttled'].includes(error.issues[0]?.code ?? '');
}
