/**
 * A page for a visitor who is turned away before the provider is asked: a laboratory that is suspended, too many requests.
 * Applications get an OperationOutcome instead (http/identity.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { statusOf, type OutcomeError } from '../../fhir/outcome.ts';
import { errorPage, type PageProblem } from '../../pages/error.ts';
import { chooseLanguage, texts } from '../../pages/texts/language.ts';
import type { Tenant } from '../../store/tenants.ts';
import { rootOf } from '../laboratory.ts';
import { frameOf, languageCookie, policyOf } from './frame.ts';

interface Refused {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly tenant: Tenant;
  readonly issuer: string;
  readonly requestId: string;
  readonly refused: OutcomeError;
}

const problems: Readonly<Record<string, PageProblem>> = { suppressed: 'suspended', throttled: 'tooMany' };

export function sendRefusal({ request, response, tenant, issuer, requestId, refused }: Refused): void {
  const { cookie = '', 'accept-language': acceptLanguage } = request.headers;
  const chosen = new RegExp(`(?:^|; )${languageCookie}=([a-z]{2})`).exec(cookie)?.[1];
  const page = errorPage(texts[chooseLanguage({ cookie: chosen, acceptLanguage })], {
    ...frameOf({ tenant, root: rootOf(issuer) }, '/account'),
    problem: problems[refused.issues[0]?.code ?? ''] ?? 'server',
    requestId,
  });
  response.removeHeader('access-control-allow-origin');
  response.writeHead(statusOf(refused), {
    ...refused.headers,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policyOf(),
    'x-frame-options': 'DENY',
  });
  response.end(request.method === 'HEAD' ? undefined : page);
}
