/**
 * DiagnosticReport/[id]/$report: the report as people read it.
 *
 *   GET|POST [base]/DiagnosticReport/[id]/$report    language? (en, fr, ar, or two: ar,en)  digits? (latn, arab)
 *                                                    format? (application/pdf, text/html)
 *
 * PDF is PDF/A-2b, kept as it was made: the same version of the report gives the same bytes. HTML is made each time.
 * Without `language` it is the first that Accept-Language names and reports have.
 */
import { outcomeError } from '../../../fhir/outcome.ts';
import type { Call } from '../../../interactions/call.ts';
import { chooseLanguage } from '../../../pages/texts/language.ts';
import { reportLanguages, type ReportLanguage } from '../../../reports/language.ts';
import { digitSets } from '../../../reports/written.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { oneOf } from '../../request-input.ts';
import { htmlReport } from './html.ts';
import { coreOf } from './gather.ts';
import { reportDocument, type Wanted } from './make.ts';

const formats = ['application/pdf', 'text/html', 'pdf', 'html'] as const;

export async function report(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['language', 'digits', 'format']);
  const format = oneOf(input, 'format', formats) ?? (acceptsHtml(call) ? 'html' : 'pdf');
  const wanted: Wanted = { languages: languagesOf(input, call), digits: oneOf(input, 'digits', digitSets) ?? 'latn' };
  const core = await coreOf(context, call.target.id);
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

/** @throws OutcomeError `invalid` (400) */
function languagesOf(input: Input, { headers }: Call): ReportLanguage[] {
  const asked = input.texts('language').flatMap((one) => one.split(','));
  if (asked.length === 0) return [chooseLanguage({ acceptLanguage: headers['accept-language'] })];
  const found = asked.flatMap((one) => reportLanguages.find((language) => language === one.trim()) ?? []);
  if (found.length === asked.length && found.length <= 2 && new Set(found).size === found.length) return found;
  throw outcomeError(
    'invalid',
    `language is en, fr or ar, or two of them as in ar,en; not "${asked.join().slice(0, 40)}".`,
    {
      status: 400,
    },
  );
}
