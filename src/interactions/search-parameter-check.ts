/** A SearchParameter that is written: an active one that could not be searched by is refused. */
import { outcomeError, type Issue } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Context } from '../request.ts';
import { definitionOf } from '../store/own-parameter.ts';
import { faultOf, isCostly, isRestatement, usableParameters } from './own-parameters.ts';
import { stateOf } from './search-parameters.ts';

/** Each costs every write of its types something: a guess at what a laboratory may need. */
const mostActive = 200;
/** Those whose expression is more than a path take up to 0.1 s for a hostile resource. */
const mostCostly = 20;

/**
 * @returns what the caller should know
 * @throws OutcomeError 422 with the reason. What is draft or retired is stored as it is.
 */
export function checkSearchParameter(context: Context, resource: JsonObject, id: string): Issue[] {
  if (resource['status'] !== 'active') return [];
  const definition = definitionOf(resource);
  if (isRestatement(definition)) return [told(`R4's own search parameter "${definition.name}" answers for this one.`)];
  const others = usableParameters(stateOf(context).own).filter((other) => other.id !== id);
  if (others.length >= mostActive) {
    throw outcomeError(
      'business-rule',
      `A laboratory may have at most ${mostActive} active search parameters of its own.`,
    );
  }
  const fault = faultOf({ id, definition }, others);
  if (fault !== undefined) throw outcomeError('business-rule', fault.sentence, { expression: fault.expression });
  if (isCostly(definition) && others.filter((other) => isCostly(other.definition)).length >= mostCostly) {
    throw outcomeError(
      'business-rule',
      `A laboratory may have at most ${mostCostly} search parameters whose expression is more than a path of elements.`,
      { expression: 'SearchParameter.expression' },
    );
  }
  return [told(`Searches by "${definition.name}" answer when the reindex job, which this write started, is done.`)];
}

function told(diagnostics: string): Issue {
  return { severity: 'information', code: 'informational', diagnostics };
}
