/**
 * Which events are those of a user or an application. A user is named by the reference to the person (Practitioner/7), by
 * username, or by the id of the account, as AuditEvent.agent.altId has it.
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import { or, type Condition } from '../search/ast.ts';
import { accountsOfUser, type AccountName } from '../store/report-names.ts';
import type { Input } from './parameters.ts';
import { criteria } from './report-search.ts';

/** As text, or in a body as a Reference to the person. */
export function usersOf(input: Input): string[] {
  const references = input.values('user').map(({ reference: text }) => (typeof text === 'string' ? text : ''));
  const complex = references.length > 0 ? String({}) : undefined;
  return [...input.texts('user').filter((text) => text !== complex), ...references];
}

export interface FoundUser {
  readonly condition: Condition;
  /** The accounts of this person; none where the log alone knows the name. */
  readonly accounts: readonly AccountName[];
}

const reference = /^[A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}$/;

/** A comma, a bar and a backslash are part of the name. */
function escaped(text: string): string {
  return text.replaceAll(/[\\,|$]/g, '\\$&');
}

export async function eventsOfUser(context: Context, user: string): Promise<FoundUser> {
  checkName('user', user);
  const accounts = await accountsOfUser(context.session, user);
  const person = reference.test(user) ? [criteria(context, [['agent', user]])] : [];
  const subjects = accounts.length === 0 && person.length === 0 ? [user] : accounts.map(({ id }) => id);
  const byId = subjects.length === 0 ? [] : [criteria(context, [['altid', subjects.map(escaped).join(',')]])];
  return { condition: or([...person, ...byId]), accounts };
}

export function eventsOfClient(context: Context, client: string): Condition {
  checkName('client', client);
  return criteria(context, [['client', escaped(client)]]);
}

function checkName(name: string, value: string): void {
  if (value.trim() !== '' && value.length <= 256 && !value.includes('\0')) return;
  throw outcomeError('invalid', `${name} takes a name of 1 to 256 characters.`, { status: 400 });
}
