/** Names of those who asked for a report, reviewed its results and released it. */
import type { JsonObject } from '../../../fhir/json.ts';
import { isId } from '../../../fhir/reference.ts';
import { extensions, object, objects, text } from '../../../laboratory/terms.ts';
import { nameOf } from '../../../reports/compose.ts';
import type { Gathered } from '../../../reports/gathered.ts';
import { plain } from '../../../reports/written.ts';
import type { Context } from '../../../request.ts';
import { accountNames } from '../../../store/report-names.ts';
import { knownBy } from '../specimens-and-orders.ts';
import type { Core } from './gather.ts';

type People = Pick<Gathered, 'people' | 'releasedBy' | 'requesters'>;

export async function peopleOf(
  server: Context,
  { report, parts, results }: Core,
  orders: readonly JsonObject[],
): Promise<People> {
  const people = new Map<string, string>();
  /** By what is known of him; the words that stand beside a reference serve until the record is found. */
  const naming = (who: JsonObject): string[] => {
    const key = text(who['reference']) ?? text(object(who['identifier'])['value']) ?? text(who['display']);
    const display = plain(text(who['display']) ?? '');
    if (key !== undefined && display !== '' && display !== key) people.set(key, display);
    if (key !== undefined && key === text(who['display'])) people.set(key, display);
    return key === undefined ? [] : [key];
  };
  const requesters = orders.flatMap((order) => naming(object(order['requester'])));
  const releasedBy = [...(await releasersOf(server, parts)), ...objects(report['resultsInterpreter'])].flatMap(naming);
  const reviewers = [...results.values()].flatMap((one) =>
    extensions(one, 'reviewed-by').flatMap(({ valueString }) => text(valueString) ?? []),
  );
  const all = [...new Set([...requesters, ...releasedBy, ...reviewers])];
  for (const [id, { display }] of await accountNames(server.session, all)) people.set(id, plain(display));
  for (const type of ['Practitioner', 'PractitionerRole', 'Organization']) {
    const ids = all.flatMap((one) => (one.startsWith(`${type}/`) ? one.slice(type.length + 1) : [])).filter(isId);
    if (ids.length === 0) continue;
    for (const { resource } of await knownBy(server, type, [['_id', ids.join()]])) {
      const name = recordName(resource);
      if (name !== '') people.set(`${type}/${String(resource['id'])}`, name);
    }
  }
  return { people, releasedBy, requesters };
}

function recordName(resource: JsonObject): string {
  if (resource['resourceType'] === 'Practitioner') return nameOf(resource);
  if (resource['resourceType'] === 'Organization') return plain(text(resource['name']) ?? '');
  return plain(text(object(resource['practitioner'])['display']) ?? '');
}

/** Who stands in the Provenance of a release. */
async function releasersOf(server: Context, parts: readonly JsonObject[]): Promise<JsonObject[]> {
  const targets = parts.map(({ id }) => `DiagnosticReport/${String(id)}`);
  if (targets.length === 0) return [];
  const all = await knownBy(server, 'Provenance', [['target', targets.join()]]);
  return all
    .filter(({ resource }) =>
      objects(object(resource['activity'])['coding']).some(
        ({ system, code }) => system === 'urn:makhbar:result-step' && code === 'release',
      ),
    )
    .flatMap(({ resource }) => objects(resource['agent']).map((agent) => object(agent['who'])));
}
