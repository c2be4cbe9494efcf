/** /account/password; and the links that an administrator hands over: /account/invitation/…, /account/reset/…. */
import { passwordPage, setPasswordPage, type PasswordData } from '../../pages/password.ts';
import type { Account } from '../../store/accounts.ts';
import type { TicketKind } from '../../store/tickets.ts';
import { changeOf, note, tellingChange } from '../audit-deeds.ts';
import { changePassword } from '../change-password.ts';
import type { LastDeed } from '../identity.ts';
import { formToken, frameOf, isFormToken, sendPage } from '../pages/frame.ts';
import { sendProblem } from '../pages/problem.ts';
import { passwordRules } from '../password-rules.ts';
import { acceptTicket, openTicket, type OpenTicket } from '../tickets.ts';
import { passwordShown } from './sign-in.ts';
import { goTo, type SignedInVisit, type Visit } from './visit.ts';

type Trouble = Pick<PasswordData, 'problem' | 'retryAfter'>;

export async function ownPassword(visit: SignedInVisit): Promise<void> {
  const { laboratory, account, frame, csrf, texts, ctx, form } = visit;
  const trouble = form === undefined ? {} : await changed(visit, form);
  if (trouble === undefined) return goTo(visit, '', { done: 'password' });
  const page = passwordPage(texts, {
    ...frame,
    csrf,
    action: frame.here,
    username: account.username,
    minimum: passwordRules(laboratory.tenant, account).length,
    ...trouble,
  });
  sendPage(ctx, page, { status: trouble.problem === undefined ? 200 : 422 });
}

/** Undefined: it was changed. */
async function changed(visit: SignedInVisit, form: URLSearchParams): Promise<Trouble | undefined> {
  const { laboratory, account, address, session } = visit;
  const { identity, tenant } = laboratory;
  const [current = '', next = '', again] = ['current', 'password', 'again'].map((name) => form.get(name) ?? '');
  if (next !== again) return { problem: 'again' };
  const told = tellingChange(visit, account, 'password');
  const change = { account, current, next, address, session: session.uid, told };
  const answer = await changePassword(identity, tenant, change);
  if ('refused' in answer) {
    note(visit.ctx, { ...changeOf(account, 'password'), outcome: 4, reason: answer.refused });
    if (answer.refused === 'locked') return { problem: 'locked', retryAfter: answer.retryAfter };
    return { problem: 'current' };
  }
  if (answer.changed) return undefined;
  return { problem: current === next ? 'same' : answer.problem };
}

export async function ticketVisit(visit: Visit, kind: TicketKind, ticket: string): Promise<void> {
  const { laboratory, ctx, form } = visit;
  const open = await openTicket(laboratory.identity, laboratory.tenant, { ticket, kind });
  if (open === undefined) return sendProblem(laboratory, ctx, 'link');
  if (form === undefined) return showTicket(visit, ticket, { open });
  if (!isFormToken(laboratory, boundTo(ticket), form.get('csrf') ?? '')) {
    return sendProblem(laboratory, ctx, 'forgery');
  }
  const password = form.get('password') ?? '';
  if (password !== form.get('again')) return showTicket(visit, ticket, { open, problem: 'again' });
  const told = (account: Account): LastDeed => tellingChange(visit, account, kind);
  const answer = await acceptTicket(laboratory.identity, laboratory.tenant, { ticket, kind, password, told });
  if ('account' in answer) {
    passwordShown(visit, answer.account);
    return goTo(visit, 'sign-in');
  }
  if (answer.refused === 'ticket') return sendProblem(laboratory, ctx, 'link');
  showTicket(visit, ticket, { open, problem: answer.problem });
}

function boundTo(ticket: string): string {
  return `ticket ${ticket}`;
}

function showTicket(
  { laboratory, ctx, texts }: Visit,
  ticket: string,
  { open, problem }: { open: OpenTicket; problem?: PasswordData['problem'] },
): void {
  const { account, kind } = open;
  const frame = frameOf(laboratory, `/account/${kind}/${ticket}`);
  const page = setPasswordPage(texts, {
    ...frame,
    action: frame.here,
    csrf: formToken(laboratory, boundTo(ticket)),
    purpose: kind,
    name: account.display,
    username: account.username,
    minimum: passwordRules(laboratory.tenant, account).length,
    problem,
  });
  sendPage(ctx, page, { status: problem === undefined ? 200 : 422 });
}
