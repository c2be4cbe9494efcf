/** Orders of the same test for the same patient within the window that the test's definition names. */
import type { Issue } from '../../fhir/outcome.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import { catalogueSystem, codeIn, text } from '../../laboratory/terms.ts';
import type { TestDefinition } from '../../laboratory/test-definition.ts';
import type { Context } from '../../request.ts';

/** Those that are looked at. */
const most = 200;
const hour = 3_600_000;

/** Warnings, about orders that the caller may see. */
export async function duplicatesOf(
  context: Context,
  patient: string,
  tests: readonly TestDefinition[],
  /** Ids of the orders themselves. */
  except: ReadonlySet<string> = new Set(),
): Promise<Issue[]> {
  const windows = new Map(
    tests.flatMap(({ code, duplicateWindow }) => (duplicateWindow ? [[code, duplicateWindow]] : [])),
  );
  if (windows.size === 0) return [];
  const now = Date.now();
  const since = new Date(now - Math.max(...windows.values()) * hour).toISOString();
  const criteria = [
    ['subject', patient],
    ['code', [...windows.keys()].map((code) => `${catalogueSystem}|${code}`).join()],
    ['status', 'active,on-hold,completed'],
    ['authored', `ge${since}`],
  ] as const;
  const found = await findMatches(context, 'ServiceRequest', criteria, most);
  return found.flatMap(({ id, text: stored }) => {
    const order = parseStored(stored);
    const code = codeIn(order['code'], catalogueSystem) ?? '';
    const authored = Date.parse(text(order['authoredOn']) ?? '');
    const window = windows.get(code);
    if (window === undefined || except.has(id) || !(now - authored <= window * hour)) return [];
    const diagnostics = `${code} was ordered on ${String(order['authoredOn'])} (ServiceRequest/${id}): within ${window} hours it is a duplicate.`;
    return [{ severity: 'warning', code: 'duplicate', diagnostics }];
  });
}
