/** A report as a page. */
import { reportHtml, sheetPolicy } from '../../../reports/html.ts';
import type { Answer, Context } from '../../../request.ts';
import { gather, type Core } from './gather.ts';
import { modelOf } from './make.ts';
import { templateOf } from './template.ts';
import type { Wanted } from './wanted.ts';

export async function htmlReport(context: Context, core: Core, wanted: Wanted): Promise<Answer> {
  const gathered = await gather(context, core);
  const template = await templateOf(context);
  return pageAnswer(
    reportHtml(modelOf(context, gathered, { ...wanted, template, code: undefined })),
    wanted.languages[0] ?? 'en',
  );
}

export function pageAnswer(page: string, language: string, status = 200): Answer {
  const body = Buffer.from(page);
  return {
    status,
    headers: {
      vary: 'accept, accept-language',
      'content-security-policy': sheetPolicy,
      'content-language': language,
      'x-content-type-options': 'nosniff',
    },
    raw: { contentType: 'text/html; charset=utf-8', length: body.length, body },
  };
}
