/** What the tables of docs/operations.md say of an operation, worked out from the catalogue. */
import { operationNeeds, type Need } from '../src/access/needs.ts';
import type { Operation } from '../src/operations/catalog.ts';

/** As in "`Patient`, `Patient/[id]`": where it is called. A bulk export is of all patients or of one group, not the reverse. */
export function places(name: string, { levels, types }: Operation): string {
  if (name === '$export') {
    return '`[base]`, `Patient`, `Group/[id]`';
  }
  const names = types ?? ['[type]'];
  return levels
    .flatMap((level) =>
      level === 'system' ? ['[base]'] : names.map((type) => (level === 'type' ? type : `${type}/[id]`)),
    )
    .map((place) => `\`${place}\``)
    .join(', ');
}

/** How it is called: what changes something by POST only. */
export function methods({ changes, deletes }: Operation): string {
  return ['POST', ...(changes ? [] : ['GET']), ...(deletes ? ['DELETE'] : [])].toSorted().join(', ');
}

/** As in "r, s" or "manage/users"; "–" where it decides by itself. */
export function needs(name: string): string {
  const written = (operationNeeds.get(name) ?? []).map((need: Need) =>
    typeof need === 'string' ? `\`${need}\`` : `\`manage/${need.manage}\``,
  );
  return written.length > 0 ? written.join(', ') : '–';
}
