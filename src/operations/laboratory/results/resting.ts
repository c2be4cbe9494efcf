/**
 * What rests on results that are withdrawn or cancelled goes with them: what formulas made of them (derivedFrom), and what grew
 * in a culture (hasMember); and what rests on these.
 */
import type { Prepared } from '../../../interactions/prepare.ts';
import { afterResultStep, noted } from '../../../laboratory/result/observation.ts';
import { resultState } from '../../../laboratory/result/result-states.ts';
import { extensions, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { changed, type Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';

/** @param why is noted in each; what was released is withdrawn, what was not is cancelled */
export async function restingAfter(server: Context, gone: readonly Known[], why: string): Promise<Prepared[]> {
  return (await restingOn(server, gone)).map(({ resource, version }) => {
    const step = resultState(resource) === 'released' ? 'withdraw' : 'cancel';
    return changed(server, noted(afterResultStep(resource, step), why), version);
  });
}

async function restingOn(server: Context, results: readonly Known[]): Promise<Known[]> {
  const seen = new Set(results.map(nameOf));
  const found: Known[] = [];
  for (let next = results; next.length > 0;) {
    const members = next.flatMap(({ resource }) =>
      objects(resource['hasMember']).flatMap(
        ({ reference }) => /^Observation\/([^/]+)$/.exec(text(reference) ?? '')?.[1] ?? [],
      ),
    );
    const around = [
      ...(await knownBy(server, 'Observation', [['derived-from', next.map(nameOf).join()]])),
      ...(members.length === 0 ? [] : await knownBy(server, 'Observation', [['_id', members.join()]])),
    ];
    next = around.filter((one) => !seen.has(nameOf(one)) && isOpen(one));
    for (const one of next) seen.add(nameOf(one));
    found.push(...next);
  }
  return found;
}

/** A result that steps of the laboratory lead on: neither a control nor what another system wrote. */
function isOpen({ resource }: Known): boolean {
  const isLed = extensions(resource, 'result-state').length > 0;
  return isLed && !['withdrawn', 'cancelled'].includes(resultState(resource));
}

function nameOf({ resource }: Known): string {
  return `Observation/${String(resource['id'])}`;
}
