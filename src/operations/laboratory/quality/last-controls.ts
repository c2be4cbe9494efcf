/** Whether the last control of each analyte on an analyzer was in control; of those of the last day. */
import { parseStored } from '../../../interactions/document.ts';
import { findMatches } from '../../../interactions/matches.ts';
import { catalogueSystem, codeIn, extensions, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { controlCategory } from './control-results.ts';

const day = 86_400_000;
const most = 2_000;

export async function lastControls(server: Context, device: string): Promise<ReadonlyMap<string, string>> {
  const found = await findMatches(
    server,
    'Observation',
    [
      ['category', `${controlCategory.system}|${controlCategory.code}`],
      ['device', device],
      ['date', `ge${new Date(Date.now() - day).toISOString()}`],
      ['status', 'final'],
    ],
    most,
  );
  const sorted = found
    .map(({ text: stored }) => parseStored(stored))
    .toSorted((a, b) => (text(a['effectiveDateTime']) ?? '').localeCompare(text(b['effectiveDateTime']) ?? ''));
  return new Map(
    sorted.flatMap((observation) => {
      const code = codeIn(observation['code'], catalogueSystem);
      const broken = objects(extensions(observation, 'control')[0]?.['extension']).some(
        ({ url, valueString }) => url === 'broken' && valueString !== '1-2s',
      );
      return code === undefined ? [] : [[code, broken ? 'failed' : 'in-control'] as const];
    }),
  );
}
