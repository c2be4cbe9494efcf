/** Earlier released results of the analytes of a report, the newest first: all of them or none (gather.ts, rule 2). */
import type { JsonObject } from '../../../fhir/json.ts';
import { plainAccessOf } from '../../../interactions/access.ts';
import { parseStored } from '../../../interactions/document.ts';
import { findMatches } from '../../../interactions/matches.ts';
import { showed } from '../../../interactions/trail.ts';
import { tokensOf } from '../../../laboratory/result/observation.ts';
import { object, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { visibleRids } from '../../../store/visible.ts';
import { asServer } from '../server-rights.ts';
import type { Core } from './gather.ts';

/** More than a chart shows of a large report. */
const most = 500;
const lookBack = 3 * 365 * 86_400_000;

export async function earlierOf(context: Context, { patient, results }: Core): Promise<JsonObject[]> {
  const codes = [...new Set([...results.values()].flatMap((one) => tokensOf(object(one['code']))))];
  const plain = codes.filter((one) => !/[,\\$\s]/.test(one) && !one.startsWith('|'));
  const times = [...results.values()]
    .flatMap((one) => text(one['effectiveDateTime']) ?? [])
    .map((one) => Date.parse(one));
  const last = Math.max(...times.filter((one) => !Number.isNaN(one)));
  if (patient === undefined || plain.length === 0 || !Number.isFinite(last)) return [];
  const criteria = [
    ['subject', `Patient/${String(patient['id'])}`],
    ['code', plain.join()],
    ['status', 'final,amended,corrected'],
    ['date', `ge${new Date(last - lookBack).toISOString()}`],
    ['date', `lt${new Date(last).toISOString()}`],
  ] as const;
  const found = await findMatches(asServer(context), 'Observation', criteria, most);
  const stored = found.map((one) => one.stored);
  const visible = await visibleRids(context.session, stored, plainAccessOf(context, 'r'));
  if (stored.some(({ rid }) => !visible.has(rid))) return [];
  for (const one of stored) showed(context.trail, one);
  const time = (one: JsonObject): number => Date.parse(text(one['effectiveDateTime']) ?? '') || 0;
  return found.map((one) => parseStored(one.text)).toSorted((a, b) => time(b) - time(a));
}
