/** Results as they were entered, each checked against the definition that its order was made with. */
import { OutcomeError, outcomeError, statusOf } from '../../../fhir/outcome.ts';
import type { JsonObject } from '../../../fhir/json.ts';
import type { Measured } from '../../../laboratory/result/choose.ts';
import type { Earlier } from '../../../laboratory/result/delta.ts';
import { evaluated } from '../../../laboratory/result/evaluate.ts';
import { isToRepeat } from '../../../laboratory/result/follow-up.ts';
import { nextResultState, resultState } from '../../../laboratory/result/result-states.ts';
import { checkValue, nameOf } from '../../../laboratory/result/value.ts';
import { catalogueSystem, codeIn, objects, text } from '../../../laboratory/terms.ts';
import type { Known } from '../server-rights.ts';
import type { Background } from './background.ts';
import type { Entry } from './entry.ts';
import type { Turn } from './judge.ts';
import { orderedAnalyte, type OrderedAnalyte } from './ordered-analytes.ts';
import type { Work } from './work-up.ts';

/** @throws OutcomeError with an issue for each entry that is refused: who sent many need not find them out one by one. */
export function entered(background: Background, work: Work, entries: readonly Entry[]): Turn[] {
  const seen = new Set<string>();
  const refused: OutcomeError[] = [];
  const turns = entries.flatMap((entry) => {
    try {
      return [enteredOne(background, work, { entry, seen })];
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      refused.push(placed(error, entry.place));
      return [];
    }
  });
  const [first] = refused;
  if (first === undefined) return turns;
  throw new OutcomeError(
    refused.flatMap(({ issues }) => issues),
    { status: statusOf(first) },
  );
}

function placed(error: OutcomeError, place: string | undefined): OutcomeError {
  if (place === undefined) return error;
  const issues = error.issues.map((issue) => ({ ...issue, expression: [place, ...(issue.expression ?? [])] }));
  return new OutcomeError(issues, { status: statusOf(error) });
}

function enteredOne(
  background: Background,
  work: Work,
  { entry, seen }: { readonly entry: Entry; readonly seen: Set<string> },
): Turn {
  const analyte = orderedAnalyte(background.analytes, entry.analyte);
  const name = nameOf(analyte.definition);
  if (seen.has(name)) throw outcomeError('duplicate', `${name} is entered twice.`, { status: 422 });
  seen.add(name);
  const existing = existingOf(background, analyte);
  if (existing !== undefined) {
    const step = work.correction === undefined ? 'enter' : 'correct';
    nextResultState(String(existing.resource['id']), resultState(existing.resource), step);
  }
  const checked = checkValue(analyte.definition, entry.given);
  const measured = measuredOf(background, work, entry.method);
  const judged = evaluated(analyte.definition, checked, measured, earlierOf(background, analyte));
  const result = entry.interpretation === undefined ? judged : { ...judged, code: entry.interpretation };
  // The value of a measurement that is to be repeated is kept.
  const isSecond = existing !== undefined && work.correction === undefined && isToRepeat(existing.resource);
  return { analyte, result, entry, ...(isSecond ? { first: existing } : existing !== undefined && { existing }) };
}

export function earlierOf(background: Background, { definition }: OrderedAnalyte): Earlier | undefined {
  return background.earlier.get(definition);
}

export function measuredOf({ patient }: Background, work: Work, method: JsonObject | undefined): Measured {
  const [sex, birthDate] = [text(patient['gender']), text(patient['birthDate'])];
  return {
    at: work.at,
    pregnant: work.pregnant,
    conditions: work.conditions,
    ...(sex !== undefined && { sex }),
    ...(birthDate !== undefined && { birthDate }),
    ...(method !== undefined && { method }),
    ...(work.device !== undefined && { devices: [work.device] }),
  };
}

export function existingOf({ existing }: Background, { definition, order }: OrderedAnalyte): Known | undefined {
  return existing.find(
    ({ resource }) =>
      codeIn(resource['code'], catalogueSystem) === definition.code &&
      objects(resource['basedOn']).some(
        ({ reference }) => reference === `ServiceRequest/${String(order.resource['id'])}`,
      ) &&
      !['withdrawn', 'cancelled'].includes(resultState(resource)),
  );
}
