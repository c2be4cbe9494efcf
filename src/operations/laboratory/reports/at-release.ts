/**
 * Documents that a template asks for as soon as a report is released, corrected or withdrawn (`at-release`): made in the
 * transaction of the step, and named by the report as its presentedForm. Without such a template they are made when they are
 * asked for.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { objects } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { asServer, changed, writeAll, writtenResource } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import { coreOf } from './gather.ts';
import { reportDocument } from './make.ts';
import { withPresented } from './presented.ts';
import { templateOf } from './template.ts';
import { languagesIn } from './wanted.ts';

/** The report with its documents; undefined where none are asked for. Inside the transaction, as its last deed. */
export async function presentAfter(inside: Context, id: string): Promise<JsonObject | undefined> {
  const { atRelease } = await templateOf(inside);
  const wanted = atRelease.flatMap((one) => {
    const languages = languagesIn(one.split('+'));
    return languages === undefined ? [] : [languages];
  });
  if (wanted.length === 0) return undefined;
  const server = asServer(inside);
  const core = await coreOf(server, id);
  const ids: string[] = [];
  for (const languages of wanted) {
    const { document } = await reportDocument(server, core, { languages, digits: 'latn' });
    ids.push(document.documentId);
  }
  const kept = await knownBy(server, 'DocumentReference', [['_id', ids.join()]]);
  const inOrder = kept.toSorted(
    (a, b) => ids.indexOf(String(a.resource['id'])) - ids.indexOf(String(b.resource['id'])),
  );
  const forms = inOrder.flatMap(({ resource }) => objects(resource['content']).map(({ attachment }) => attachment));
  const prepared = changed(server, withPresented(core.report, forms as JsonObject[]), core.stored.version);
  await writeAll(server, [prepared]);
  return writtenResource(prepared);
}
