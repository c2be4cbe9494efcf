/**
 * $usage: what the laboratory used from a day to a day (UTC, both included), and what its plan allows.
 *
 *   GET [base]/$usage?from=2026-01-01&to=2026-01-31        without them: this month up to today
 *
 * Parameters: from, to, plan, limits (a part for each; 0 = none), total and, for each day with any use, day: parts named
 * as in usage/metrics.ts, and active-users. Other requests than the caller's own of the last seconds may be missing.
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { usageReport, type Figures, type UsageReport } from '../usage/report.ts';
import { operationInput } from './parameters.ts';

export async function usage(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['from', 'to']);
  const one = (name: string): string | undefined => {
    const [text, second] = input.texts(name);
    if (second !== undefined) throw outcomeError('invalid', `$usage takes one ${name}.`);
    return text;
  };
  const { server, session, tenant } = context;
  await server.usage.flush();
  const report = await usageReport(
    { session, tenant, rateLimit: server.config.rateLimit },
    { from: one('from'), to: one('to') },
  );
  return { status: 200, resource: parametersOf(report) };
}

function parametersOf({ from, to, plan, limits, total, days }: UsageReport): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'from', valueDate: from },
      { name: 'to', valueDate: to },
      ...(plan === undefined ? [] : [{ name: 'plan', valueCode: plan }]),
      { name: 'limits', part: partsOf({ ...limits }) },
      { name: 'total', part: partsOf(total) },
      ...days.map(({ day, figures }) => ({
        name: 'day',
        part: [{ name: 'date', valueDate: day }, ...partsOf(figures)],
      })),
    ],
  };
}

/** Decimals: bytes are more than an integer of FHIR holds. */
function partsOf(figures: Figures): JsonObject[] {
  return Object.entries(figures).map(([name, value]) => ({ name, valueDecimal: value }));
}
