/** Resources of the export that meet some criteria besides: as they are now, whenever they were changed. */
import type { Parameters } from '../../request.ts';
import { and } from '../../search/ast.ts';
import { parseSearch } from '../../search/parse.ts';
import { matchingWindow, storedVersions } from '../../store/export-rows.ts';
import type { Stored } from '../../store/read.ts';
import { selectionOf } from '../selection.ts';
import type { Archiving } from './format.ts';

/** What some hundred resources can have to do with. */
const most = 20_000;
const ever = '9999-12-31T23:59:59.999Z';

export async function selected(
  { context, selecting }: Archiving,
  type: string,
  criteria: Parameters,
): Promise<readonly Stored[]> {
  const { access, parameters, request } = selecting;
  if (!request.types.includes(type) || access(type) === undefined) return [];
  const { condition } = parseSearch(type, criteria, { parameters, access });
  const matching = { moment: ever, type, access, condition: and([selectionOf(type, selecting), condition]) };
  return storedVersions(context.session, await matchingWindow(context.session, matching, { after: '0', most }));
}
