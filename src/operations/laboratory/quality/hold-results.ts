/**
 * Results of an analyte and an analyzer that are not released: held after a failed control, and let go again. One that is
 * held to be repeated stays so.
 */
import { afterResultStep, remarked } from '../../../laboratory/result/observation.ts';
import { isToRepeat } from '../../../laboratory/result/follow-up.ts';
import { resultState } from '../../../laboratory/result/result-states.ts';
import { catalogueSystem } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { changed, writeAll } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import type { Hold } from './control-holds.ts';

/** Gives how many there were. */
export async function holdResults(
  server: Context,
  { analyte, device }: Hold,
  step: 'hold' | 'unhold',
  remark: string,
): Promise<number> {
  const found = await knownBy(server, 'Observation', [
    ['code', `${catalogueSystem}|${analyte}`],
    ['device', device],
    ['status', 'preliminary'],
  ]);
  const own = found.filter(
    ({ resource }) => (resultState(resource) === 'held') === (step === 'unhold') && !isToRepeat(resource),
  );
  await writeAll(
    server,
    own.map(({ resource, version }) => changed(server, remarked(afterResultStep(resource, step), remark), version)),
  );
  return own.length;
}
