/**
 * What goes by the rules of retention, for the data protection officer (manage/privacy), with a fresh second factor.
 *
 *   POST [base]/$retention-run                          200: run: what would go, by category
 *   POST [base]/$retention-run   dryRun=false, run      202: that run is carried out in the background
 *   GET  [base]/$retention-runs?run=                    200: the run, or the last twenty
 *
 * Only what was announced goes: a run that is not dry names one that was. By itself the server carries out an announcement
 * seven days after it (src/jobs/apply-retention.ts).
 */
import type { JsonObject } from '../fhir/json.ts';
import { keptFigures, thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { inTransaction } from '../interactions/commit.ts';
import type { Answer, Context } from '../request.ts';
import { announceRun } from '../retention/run.ts';
import { requestJob } from '../store/jobs.ts';
import { readRun, readRuns, type Found, type RetentionRun } from '../store/retention-runs.ts';
import { optional, required } from './administer.ts';
import { uuidOf } from './legal-hold.ts';
import { operationInput, type Input } from './parameters.ts';
import { checkSoleDeed } from './privacy.ts';

export async function retentionRun(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$retention-run');
  const input = await operationInput(context, call, ['dryRun', 'run']);
  const dryRun = optional(input, 'dryRun') ?? 'true';
  if (dryRun === 'true') return announce(context);
  if (dryRun !== 'false') throw outcomeError('invalid', 'dryRun is true or false.', { status: 400 });
  return carryOut(context, input);
}

function announce(context: Context): Promise<Answer> {
  return inTransaction(context, async ({ session, trail, caller }) => {
    const { id, found } = await announceRun(session, { by: caller.subject, now: Date.now() });
    trail.further.push(...Object.entries(found).map(([category, { count }]) => keptFigures(category, count)));
    trail.writes += 1;
    return answer(200, await known(session, id));
  });
}

function carryOut(context: Context, input: Input): Promise<Answer> {
  const id = uuidOf(required(input, 'run'), 'run');
  context.trail.asked = { ...context.trail.asked, kind: 'operation' };
  return inTransaction(context, async ({ session, trail }) => {
    const run = await known(session, id);
    if (run.state !== 'announced' && run.state !== 'applying') {
      const sentence = `The run ${id} is ${run.state}; announce another with $retention-run.`;
      throw outcomeError('conflict', sentence, { status: 409 });
    }
    await requestJob(session, 'apply-retention', { run: id });
    trail.further.push(thing('setting', id));
    trail.writes += 1;
    return { ...answer(202, run), headers: { 'content-location': `${context.base}/$retention-runs?run=${id}` } };
  });
}

export async function retentionRuns(context: Context, call: Call): Promise<Answer> {
  const id = optional(await operationInput(context, call, ['run']), 'run');
  if (id === undefined) return answer(200, ...(await readRuns(context.session, 20)));
  return answer(200, await known(context.session, uuidOf(id, 'run')));
}

async function known(session: Context['session'], id: string): Promise<RetentionRun> {
  const run = await readRun(session, id);
  if (run === undefined) throw outcomeError('not-found', `There is no run ${id} of retention.`);
  return run;
}

function answer(status: number, ...runs: readonly RetentionRun[]): Answer {
  return {
    status,
    resource: { resourceType: 'Parameters', ...(runs.length > 0 && { parameter: runs.map(runPart) }) },
  };
}

function runPart({ id, state, made, by, found, started, finished, removed }: RetentionRun): JsonObject {
  return {
    name: 'run',
    part: [
      { name: 'id', valueUuid: `urn:uuid:${id}` },
      { name: 'state', valueCode: state },
      { name: 'made', valueInstant: made },
      { name: 'by', valueString: by },
      ...(started === undefined ? [] : [{ name: 'started', valueInstant: started }]),
      ...(finished === undefined ? [] : [{ name: 'finished', valueInstant: finished }]),
      ...Object.entries(found).map(([category, one]) => foundPart(category, one)),
      ...Object.entries(removed).map(([category, count]) => ({
        name: 'removed',
        part: [
          { name: 'category', valueCode: category },
          { name: 'count', valueDecimal: count },
        ],
      })),
    ],
  };
}

function foundPart(category: string, { period, basis, before, oldest, count }: Found): JsonObject {
  return {
    name: 'found',
    part: [
      { name: 'category', valueCode: category },
      { name: 'period', valueString: period },
      { name: 'basis', valueString: basis },
      { name: 'before', valueInstant: before },
      ...(oldest === undefined ? [] : [{ name: 'oldest', valueInstant: oldest }]),
      { name: 'count', valueDecimal: count },
    ],
  };
}
