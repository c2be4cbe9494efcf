/** Versions that a caller may see: as if each were the current one (store/as-if.ts). */
import type { Context } from '../request.ts';
import type { Access } from '../search/ast.ts';
import { extract } from '../search/extract.ts';
import { typeName } from '../fhir/resource-types.ts';
import { visibleAsIf, type Candidate } from '../store/as-if.ts';
import { readVersions } from '../store/history.ts';
import type { Stored } from '../store/read.ts';
import { parseStored } from './document.ts';
import { indexParametersOf } from './search-parameters.ts';

/**
 * For each version whether the caller would find it if it were the current one. A deletion is as visible as the version
 * that it ended.
 */
export async function areVisible(context: Context, versions: readonly Stored[], access: Access): Promise<boolean[]> {
  const kinds = versions.map(({ type }) => access(typeName(type))?.kind ?? 'none');
  const asked = versions.filter((_, i) => kinds[i] !== 'all' && kinds[i] !== 'none');
  const found = await askedVisible(context, asked, access);
  return versions.map((version, i) => kinds[i] === 'all' || (kinds[i] !== 'none' && found.has(version)));
}

async function askedVisible(context: Context, asked: readonly Stored[], access: Access): Promise<Set<Stored>> {
  const ended = asked.filter(({ text }) => text === null).map(({ rid, version }) => ({ rid, version: version - 1 }));
  const before = new Map(
    (await readVersions(context.session, ended)).map((one) => [`${one.rid} ${one.version + 1}`, one]),
  );
  const contents = asked.map((one) => (one.text === null ? before.get(`${one.rid} ${one.version}`) : one));
  const candidates = contents.flatMap((one, i): { candidate: Candidate; of: Stored | undefined }[] => {
    const candidate = one && candidateOf(context, one);
    return candidate === undefined ? [] : [{ candidate, of: asked[i] }];
  });
  const visible = await visibleAsIf(
    context.session,
    candidates.map(({ candidate }) => candidate),
    access,
  );
  return new Set(candidates.flatMap(({ of }, i) => (of !== undefined && visible[i] === true ? [of] : [])));
}

function candidateOf(context: Context, stored: Stored): Candidate | undefined {
  if (stored.text === null) return undefined;
  return { ...stored, index: extract(parseStored(stored.text), indexParametersOf(context)) };
}
