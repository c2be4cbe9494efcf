/**
 * DiagnosticReport/[id]/$report: the report as people read it.
 *
 *   GET|POST [base]/DiagnosticReport/[id]/$report    language? (en, fr, ar, or two: ar,en)  digits? (latn, arab)
 *                                                    format? (application/pdf, text/html)
 *                                                    requisition? (true: what was ordered together; requisition.ts)
 *
 * PDF is PDF/A-2b, kept as it was made: the same version of the report gives the same bytes. HTML is made each time.
 * Without `language` it is the first that Accept-Language names and reports have.
 */
import type { Call } from '../../../interactions/call.ts';
import type { Answer, Context } from '../../../request.ts';
import { yesOrNo } from '../../administer.ts';
import { operationInput } from '../../parameters.ts';
import { oneOf } from '../../request-input.ts';
import { htmlReport } from './html.ts';
import { coreOf } from './gather.ts';
import { reportDocument } from './make.ts';
import { requisitionOf } from './requisition.ts';
import { wantedOf } from './wanted.ts';

const formats = ['application/pdf', 'text/html', 'pdf', 'html'] as const;

export async function report(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['language', 'digits', 'format', 'requisition']);
  const format = oneOf(input, 'format', formats) ?? (acceptsHtml(call) ? 'html' : 'pdf');
  const wanted = wantedOf(input, call);
  const core = await (yesOrNo(input, 'requisition') ? requisitionOf : coreOf)(context, call.target.id);
  if (format.endsWith('html')) return htmlReport(context, core, wanted);
  const { document, bytes } = await reportDocument(context, core, wanted);
  return {
    status: 200,
    headers: {
      'content-language': wanted.languages.join(', '),
      'content-disposition': `inline; filename="report-${core.stored.id}.pdf"`,
      'repr-digest': `sha-256=:${Buffer.from(document.sha256, 'hex').toString('base64')}:`,
      link: `<${context.base}/DocumentReference/${document.documentId}>; rel="describedby"`,
    },
    raw: { contentType: 'application/pdf', length: bytes.length, body: bytes },
  };
}

function acceptsHtml({ headers }: Call): boolean {
  const accept = headers['accept'] ?? '';
  return accept.includes('text/html') && !accept.includes('application/pdf');
}
