/**
 * The document of a report: made once for each content and form, kept as Binary and DocumentReference.
 *
 * 1. The same content in the same form is the same stored document, also where two ask at once: who is second reads what the
 *    first stored.
 * 2. The code that stands on it is 144 random bits; only its digest is kept.
 */
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { binaryFiles } from '../../../interactions/binary-files.ts';
import { composeReport } from '../../../reports/compose.ts';
import type { Gathered } from '../../../reports/gathered.ts';
import type { ReportModel } from '../../../reports/model.ts';
import type { ReportTemplate } from '../../../reports/template.ts';
import type { Context } from '../../../request.ts';
import { readBinaryFile } from '../../../store/binary-files.ts';
import { readCurrent } from '../../../store/read.ts';
import { documentsOf, forgetDocument, type ReportDocument } from '../../../store/report-documents.ts';
import { typeNumber } from '../../../fhir/resource-types.ts';
import { contentOf } from './content.ts';
import { gather, type Core } from './gather.ts';
import { keepDocument } from './keep.ts';
import { templateOf } from './template.ts';
import type { Wanted } from './wanted.ts';

export interface Made {
  readonly document: ReportDocument;
  readonly bytes: Buffer;
}

export async function reportDocument(context: Context, core: Core, wanted: Wanted): Promise<Made> {
  const gathered = await gather(context, core);
  const template = await templateOf(context);
  const content = contentOf(core);
  const form = formOf(core, wanted, template, gathered);
  const kept = await keptDocument(context, core, { content, form });
  if (kept !== undefined) return kept;
  const code = randomBytes(18).toString('base64url');
  const model = modelOf(context, gathered, { ...wanted, template, code });
  const bytes = await context.server.drawing.draw(context.tenant.id, model);
  const codeDigest = digestOf(code);
  const document = await keepDocument(context, core, {
    bytes,
    content,
    form,
    codeDigest,
    title: model.title.join(' / '),
    languages: wanted.languages,
  });
  if (document !== undefined) return { document, bytes };
  const first = await keptDocument(context, core, { content, form });
  if (first !== undefined) return first;
  throw new Error('A document that was stored meanwhile is not there.');
}

export function digestOf(code: string): Buffer {
  return createHash('sha256').update(code).digest();
}

/** All that makes the same content look otherwise. */
function formOf(
  { kind }: Core,
  { languages, digits }: Wanted,
  { version }: ReportTemplate,
  { history, withdrawn }: Gathered,
): string {
  return [
    kind === 'report' ? 'pdf' : kind,
    languages.join('+'),
    digits,
    version,
    digestOf(
      [...history, ...withdrawn]
        .map(({ id, meta }) => `${String(id)}/${String((meta as { versionId?: string } | undefined)?.versionId)}`)
        .join(),
    )
      .toString('base64url')
      .slice(0, 16),
  ].join(' ');
}

export function modelOf(
  { tenant, base }: Context,
  gathered: Gathered,
  {
    languages,
    digits,
    template,
    code,
  }: Wanted & { readonly template: ReportTemplate; readonly code: string | undefined },
): ReportModel {
  return composeReport(gathered, {
    languages,
    digits,
    template,
    zone: tenant.settings.timezone ?? 'UTC',
    laboratory: tenant.title,
    address: code === undefined ? undefined : `${base.replace(/\/fhir$/, '')}/check/${code}`,
  });
}

async function keptDocument(
  context: Context,
  { stored }: Core,
  { content, form }: { content: Buffer; form: string },
): Promise<Made | undefined> {
  const all = await documentsOf(context.session, stored.rid);
  const document = all.find((one) => one.form === form && one.content.equals(content));
  if (document === undefined) return undefined;
  const binary = await readCurrent(context.session, typeNumber('Binary') ?? -1, document.binaryId);
  const file = binary && (await readBinaryFile(context.session, binary));
  if (file === undefined) {
    await forgetDocument(context.session, document);
    return undefined;
  }
  const bytes = await buffer(await binaryFiles(context).get(file.key));
  return { document, bytes };
}
