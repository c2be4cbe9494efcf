/** The template of the laboratory's reports: the newest Basic with its code, or the default (reports/template.ts). */
import { text, object } from '../../../laboratory/terms.ts';
import { defaultTemplate, readTemplate, templateToken, type ReportTemplate } from '../../../reports/template.ts';
import type { Context } from '../../../request.ts';
import { asServer } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';

export async function templateOf(context: Context): Promise<ReportTemplate> {
  const all = await knownBy(asServer(context), 'Basic', [['code', templateToken]]);
  const [newest] = all.toSorted((a, b) => updated(b.resource).localeCompare(updated(a.resource)));
  return newest === undefined ? defaultTemplate : readTemplate(newest.resource);
}

function updated(resource: Parameters<typeof readTemplate>[0]): string {
  return text(object(resource['meta'])['lastUpdated']) ?? '';
}
