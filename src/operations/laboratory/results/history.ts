/** Earlier results of a patient, for the delta check. */
import { parseDecimal } from '../../../fhir/decimal.ts';
import { numberText, type JsonObject } from '../../../fhir/json.ts';
import { parseStored } from '../../../interactions/document.ts';
import { findMatches } from '../../../interactions/matches.ts';
import type { AnalyteDefinition } from '../../../laboratory/definition.ts';
import type { Earlier } from '../../../laboratory/result/delta.ts';
import { tokensOf } from '../../../laboratory/result/observation.ts';
import { inUnitOf } from '../../../laboratory/result/unit.ts';
import { isObject, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';

/** Results of the longest time that a delta limit looks back; more than a patient has. */
const most = 500;
const lookBack = 90 * 86_400_000;

/** The last released result of each analyte before a time, in the unit of its definition now; by definition. */
export async function earlierResults(
  server: Context,
  subject: string,
  definitions: readonly AnalyteDefinition[],
  at: string,
): Promise<ReadonlyMap<AnalyteDefinition, Earlier>> {
  const checked = definitions.filter(({ deltaLimits }) => deltaLimits.length > 0);
  const codes = checked
    .flatMap(({ codings }) => tokensOf({ coding: [...codings] }))
    .filter((one) => !/[,\\$]/.test(one));
  if (codes.length === 0) return new Map();
  const from = new Date(Date.parse(at) - lookBack).toISOString();
  const found = await findMatches(
    server,
    'Observation',
    [
      ['subject', subject],
      ['code', codes.join()],
      ['status', 'final,amended,corrected'],
      ['date', `ge${from}`],
      ['date', `lt${new Date(at).toISOString()}`],
    ],
    most,
  );
  const earlier = found
    .map(({ text: stored }) => parseStored(stored))
    .toSorted((a, b) => (text(a['effectiveDateTime']) ?? '').localeCompare(text(b['effectiveDateTime']) ?? ''));
  const byToken = new Map(earlier.flatMap((one) => tokensOf(one['code'] as JsonObject).map((token) => [token, one])));
  return new Map(
    checked.flatMap((definition) => {
      const own = tokensOf({ coding: [...definition.codings] }).map((token) => byToken.get(token));
      const last = own.map((one) => one && earlierOf(definition, one)).find((one) => one !== undefined);
      return last === undefined ? [] : [[definition, last] as const];
    }),
  );
}

function earlierOf(definition: AnalyteDefinition, observation: JsonObject): Earlier | undefined {
  const quantity = observation['valueQuantity'];
  const at = text(observation['effectiveDateTime']);
  if (!isObject(quantity) || typeof quantity['value'] !== 'number' || at === undefined) return undefined;
  if (quantity['comparator'] !== undefined) return undefined;
  const value = parseDecimal(numberText(quantity, 'value'));
  const unit = text(quantity['code']) ?? text(quantity['unit']) ?? definition.unit?.code ?? '1';
  const converted = value && inUnitOf(definition, { value, unit });
  return converted && { value: converted, at };
}
