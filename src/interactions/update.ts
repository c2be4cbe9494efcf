/**
 * update, update as create, conditional update. https://hl7.org/fhir/R4/http.html#update
 */
import { newId } from './new-id.ts';
import { isId } from '../fhir/reference.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Answer, Context } from '../request.ts';
import { retryTransaction } from '../store/errors.ts';
import { may, plainAccessOf } from './access.ts';
import { writeAnswer, type WriteResult } from './answers.ts';
import { readResource } from './body.ts';
import type { Call } from './call.ts';
import { commit, inTransaction, untilWritten } from './commit.ts';
import { atMostOne, lockAndFind } from './conditional.ts';
import type { Expectation } from '../store/write.ts';
import { allowParameters, demandConflict, ifMatch, updateDemand, versionConflict, type Demand } from './headers.ts';
import { prepare, writeResult, type Prepared } from './prepare.ts';
import { storing } from './processing-restriction.ts';
import { visibleCurrent } from './visible.ts';

export async function update(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  const { type, id } = call.target;
  checkId(id);
  const demand = demandOf(context, call);
  const resource = await readResource(context, call, type);
  if (resource['id'] !== id) {
    throw outcomeError('invalid', `The id in the body must be the one in the URL, "${id}".`, {
      expression: `${type}.id`,
    });
  }
  const expect = expectationOf(context, `${type}/${id}`, demand);
  const prepared = prepare(context, resource, { id, method: 'PUT', expect });
  return writeAnswer(context, call, await write(context, prepared, demand));
}

async function write(context: Context, prepared: Prepared, demand: Demand): Promise<WriteResult> {
  return untilWritten(async () => {
    const written = await commit(context, prepared);
    if (written) {
      return writeResult(prepared, written);
    }
    const { expect, id } = prepared.entry;
    const vain = typeof expect === 'number' || expect === 'absent';
    if (vain || (expect !== 'any' && !(await isThere(context, prepared)))) {
      throw refusedUpdate(`${prepared.type}/${id}`, demand);
    }
    return undefined;
  });
}

async function isThere(context: Context, { entry }: Prepared): Promise<boolean> {
  const stored = await visibleCurrent(context, entry, plainAccessOf(context, 'u'));
  return stored !== undefined && (stored.text !== null || entry.expect === 'known');
}

/** Why an update of what is there now, or not there, was not made. */
export function refusedUpdate(name: string, demand: Demand): Error {
  return demand === undefined ? noOwnId(name) : demandConflict(demand, name);
}

function noOwnId(name: string): Error {
  return outcomeError(
    'not-supported',
    `There is no ${name}, and you may not choose the id of a new one; create it by POST.`,
    { status: 405, headers: { allow: 'GET, HEAD' } },
  );
}

/** @throws OutcomeError where only a new resource is wanted and the caller may not choose its id. */
export function expectationOf(context: Context, name: string, demand: Demand): Expectation {
  const type = name.slice(0, name.indexOf('/'));
  if (demand === 'absent' && !mayUseOwnId(context, type)) {
    throw outcomeError('not-supported', `You may not choose the id of a new ${type}; create it by POST.`, {
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
  }
  return demand ?? allowedExpectation(context, type);
}

/** What an update without demands may meet: who may not create cannot bring back what was deleted, either. */
function allowedExpectation(context: Context, type: string): Expectation {
  if (!may(context, 'c', type)) {
    return 'live';
  }
  return context.tenant.settings.clientIds === false ? 'known' : 'any';
}

/** May this caller choose the id of a new resource (update as create)? */
export function mayUseOwnId(context: Context, type: string): boolean {
  return context.tenant.settings.clientIds !== false && may(context, 'c', type);
}

export function checkId(id: string): void {
  if (!isId(id)) {
    throw outcomeError('invalid', `"${id.slice(0, 80)}" is no FHIR id: 1 to 64 letters, digits, hyphens and dots.`);
  }
}

/** The version If-Match names. @throws OutcomeError 400 where the tenant demands one and none is given. */
export function demandedVersion(context: Context, call: Call): number | undefined {
  checkDemands(context, call);
  return ifMatch(call);
}

/** What the headers of an update demand, If-Match where the tenant wants it. */
export function demandOf(context: Context, call: Call): Demand {
  const demand = updateDemand(call);
  if (demand !== 'absent') {
    checkDemands(context, call);
  }
  return demand;
}

function checkDemands(context: Context, call: Call): void {
  if (context.tenant.settings.requireIfMatch === true && call.headers['if-match'] === undefined) {
    throw outcomeError('required', 'This laboratory demands If-Match with each update, so that no change is lost.', {
      status: 400,
    });
  }
}

/** PUT Type?criteria: updates the one match, or creates. */
export async function conditionalUpdate(context: Context, call: Call): Promise<Answer> {
  const { type } = call.target;
  const resource = await readResource(context, call, type);
  const expected = ifMatch(call);
  return inTransaction(context, async (inside) => {
    const match = atMostOne(type, await lockAndFind(storing(inside), type, call.query));
    if (expected !== undefined && match?.version !== expected) {
      throw versionConflict(expected);
    }
    const intent = match
      ? { id: idOfMatch(type, resource, match.id), method: 'PUT' as const, expect: match.version }
      : newIntent(inside, type, resource);
    const prepared = prepare(inside, resource, intent);
    const written = await commit(inside, prepared);
    if (written === undefined) {
      throw match
        ? retryTransaction(`${type}/${match.id} was changed meanwhile.`)
        : outcomeError('conflict', `${type}/${intent.id} exists already and does not match the criteria.`);
    }
    return writeAnswer(inside, call, writeResult(prepared, written));
  });
}

function idOfMatch(type: string, resource: JsonObject, id: string): string {
  if (resource['id'] !== undefined && resource['id'] !== id) {
    throw outcomeError('invalid', `The criteria match ${type}/${id}, but the body has another id.`, {
      expression: `${type}.id`,
    });
  }
  return id;
}

export function newIntent(
  context: Context,
  type: string,
  resource: JsonObject,
): { id: string; method: 'POST' | 'PUT'; expect: 'absent' } {
  const id = resource['id'];
  if (!may(context, 'c', type)) {
    throw outcomeError('forbidden', `Nothing matches, and your scopes do not allow creating a ${type}.`);
  }
  if (id === undefined) {
    return { id: newId(), method: 'POST', expect: 'absent' };
  }
  if (!mayUseOwnId(context, type)) {
    throw outcomeError('forbidden', `Nothing matches, and you may not choose the id of a new ${type}.`);
  }
  if (typeof id !== 'string') {
    throw outcomeError('structure', 'An id must be a string.', { expression: `${type}.id`, status: 400 });
  }
  checkId(id);
  return { id, method: 'PUT', expect: 'absent' };
}
