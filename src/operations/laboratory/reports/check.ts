/**
 * DiagnosticReport/$check-report: whether a document that somebody holds is valid; where the code on it leads.
 *
 *   GET [laboratory]/check/[code]    (the same as GET [base]/DiagnosticReport/$check-report?code=…)    language? (en, fr, ar)
 *
 * Open to everybody, because who holds the paper has no account: it tells the laboratory, when the document was made, the
 * status that the report had then, the digest of the file, and whether it is valid, superseded or withdrawn. Nothing of the
 * patient, nothing of results. An unknown code and one of another laboratory look the same (404).
 *
 * Superseded is what tells something else than the report tells now (content.ts).
 */
import { OutcomeError } from '../../../fhir/outcome.ts';
import type { Call } from '../../../interactions/call.ts';
import { newTrail } from '../../../interactions/trail.ts';
import { chooseLanguage } from '../../../pages/texts/language.ts';
import { checkPage, type Standing } from '../../../reports/check-page.ts';
import { reportLanguages, words, type ReportLanguage } from '../../../reports/language.ts';
import type { Answer, Context } from '../../../request.ts';
import { documentByCode, type ReportDocument } from '../../../store/report-documents.ts';
import { operationInput } from '../../parameters.ts';
import { oneOf } from '../../request-input.ts';
import { asServer } from '../server-rights.ts';
import { contentOf } from './content.ts';
import { coreOf } from './gather.ts';
import { pageAnswer } from './html.ts';
import { digestOf } from './make.ts';
import { requisitionOf } from './requisition.ts';

const codePattern = /^[A-Za-z0-9_-]{24}$/;

export async function checkReport(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['code', 'language']);
  const language: ReportLanguage =
    oneOf(input, 'language', reportLanguages) ?? chooseLanguage({ acceptLanguage: call.headers['accept-language'] });
  const [code = ''] = input.texts('code');
  const document = codePattern.test(code) ? await documentByCode(context.session, digestOf(code)) : undefined;
  const standing = document === undefined ? 'unknown' : await standingOf(context, document);
  if (document !== undefined) context.trail.touched.push({ type: 'DiagnosticReport', id: document.report });
  const page = checkPage(words[language], {
    standing,
    laboratory: context.tenant.title,
    zone: context.tenant.settings.timezone ?? 'UTC',
    ...(document !== undefined && {
      made: document.made.toISOString(),
      status: document.status,
      sha256: document.sha256,
    }),
  });
  const answer = pageAnswer(page, language, document === undefined ? 404 : 200);
  return { ...answer, headers: { ...answer.headers, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' } };
}

/** What is read for it is nothing that is shown: it has no place in the event. */
async function standingOf(context: Context, document: ReportDocument): Promise<Standing> {
  const server = { ...asServer(context), trail: newTrail(context.trail.asked) };
  const core = await coreOf(server, document.report).catch((error: unknown) => {
    if (error instanceof OutcomeError) return undefined;
    throw error;
  });
  if (core === undefined || core.stored.rid !== document.rid) return 'withdrawn';
  const now = document.form.startsWith('requisition ') ? await requisitionOf(server, document.report) : core;
  if (now.report['status'] === 'entered-in-error' || now.report['status'] === 'cancelled') return 'withdrawn';
  return contentOf(now).equals(document.content) ? 'valid' : 'superseded';
}
