/**
 * Carrying out a data-subject request: for each right what is done, by the ordinary interactions and operations, and what shows
 * it. Each may be done again; what is done already stays done.
 *
 * | right               | takes                                     | does, and keeps as evidence                                      |
 * |---------------------|-------------------------------------------|------------------------------------------------------------------|
 * | access, portability | language?                                 | everything of the patient as NDJSON and as a page (request-package.ts) |
 * | rectification       | version*, or reason                       | the versions that corrected it, with a Provenance                |
 * | restriction         |                                           | Patient/$restrict                                                |
 * | erasure             | keep*?, rule?, dryRun?                    | Patient/$erase                                                   |
 * | objection           | decision, purpose* where upheld, reason?  | where upheld a Consent that denies the purposes                  |
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Prepared } from '../interactions/prepare.ts';
import type { Right } from '../privacy/request-task.ts';
import type { Context } from '../request.ts';
import type { Asked } from './data-subject-step.ts';
import { checkSoleDeed } from './privacy.ts';
import { eraseForRequest, restrictForRequest } from './request-door.ts';
import { objection } from './request-objection.ts';
import { packageOf } from './request-package.ts';
import { rectification } from './request-rectification.ts';

/** The parameters of this step. */
export const carryingOut = ['language', 'version', 'keep', 'rule', 'dryRun', 'decision', 'purpose'];

export interface Carrying extends Asked {
  readonly task: JsonObject;
  readonly patient: string;
}

/** Outputs of the Task, and resources that are stored with it. */
export interface CarriedOut {
  readonly outputs: readonly JsonObject[];
  readonly documents: readonly Prepared[];
}

/** What would be done. */
export interface Preview {
  readonly preview: JsonObject;
}

const deeds: Readonly<Record<Right, (context: Context, carrying: Carrying) => Promise<CarriedOut | Preview>>> = {
  access: packageOf,
  portability: packageOf,
  rectification,
  restriction: restrictForRequest,
  erasure: eraseForRequest,
  objection,
};

const allowed: Readonly<Record<Right, readonly string[]>> = {
  access: ['language'],
  portability: ['language'],
  rectification: ['version', 'reason'],
  restriction: [],
  erasure: ['keep', 'rule', 'dryRun'],
  objection: ['decision', 'purpose', 'reason'],
};

export async function carryOut(
  context: Context,
  asked: Asked & { readonly task: JsonObject },
): Promise<CarriedOut | Preview> {
  checkSoleDeed(context, 'Carrying out a request');
  const { patient, right } = asked.facts;
  if (patient === undefined) throw outcomeError('business-rule', 'The patient whom the request is about was erased.');
  for (const name of [...carryingOut, 'reason']) {
    if (asked.input.texts(name).length === 0 || allowed[right].includes(name)) continue;
    throw outcomeError('invalid', `Carrying out a request of the kind ${right} takes no ${name}.`, { status: 400 });
  }
  return deeds[right](context, { ...asked, patient });
}
