/**
 * Users of the laboratory, for its administrators (manage/users). All at system level.
 *
 *   GET  [base]/$user-list      username? after?                200: user (0..*), at most 1,000 by name, those after `after`
 *   POST [base]/$user-add       username display? email? fhirUser? role*     200: user, link, expires
 *   POST [base]/$user-set       username display? email? fhirUser? role*     200: user
 *   POST [base]/$user-disable   username                        200: user      $user-enable likewise
 *   POST [base]/$user-reset     username factors?               200: user, link, expires
 *
 * $user-set: the roles given are all that the user has afterwards; `none` alone takes them all, and takes email or
 * fhirUser away. $user-reset with factors=true also removes the second factors. A link is shown once, in this answer:
 * there is no mailer, the administrator hands it over. Changes need a second factor of the last 15 minutes.
 */
import { withDetails, type Reviewed } from '../accounts/access-review.ts';
import { ticketLink } from '../accounts/link.ts';
import { addUser, disableUser, enableUser, resetUser, setUser, type Handed } from '../accounts/users.ts';
import { canonicalUsername, isUsername } from '../accounts/username.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { findAccount, listAccounts, type Account } from '../store/accounts.ts';
import { administrationOf, optional, removable, required, yesOrNo } from './administer.ts';
import { operationInput } from './parameters.ts';

export async function userList(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['username', 'after']);
  const [username, after = ''] = ['username', 'after'].map((name) => canonicalUsername(optional(input, name) ?? ''));
  const wrong = [username, after].find((name) => name !== undefined && name !== '' && !isUsername(name));
  if (wrong !== undefined) return answer([]);
  const accounts =
    username === '' || username === undefined
      ? await listAccounts(context.session, after)
      : [await findAccount(context.session, username)].filter((one) => one !== undefined);
  return answer((await withDetails(context.session, accounts)).map(userPart));
}

export async function userAdd(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['username', 'display', 'email', 'fhirUser', 'role']);
  const handed = await addUser(administrationOf(context), {
    username: required(input, 'username'),
    display: optional(input, 'display'),
    email: optional(input, 'email'),
    fhirUser: optional(input, 'fhirUser'),
    roles: input.texts('role'),
  });
  return handedAnswer(context, handed);
}

export async function userSet(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['username', 'display', 'email', 'fhirUser', 'role']);
  const display = optional(input, 'display');
  const email = removable(input, 'email');
  const fhirUser = removable(input, 'fhirUser');
  const roles = input.texts('role');
  const account = await setUser(administrationOf(context), required(input, 'username'), {
    ...(display !== undefined && { display }),
    ...(email !== undefined && { email }),
    ...(fhirUser !== undefined && { fhirUser }),
    ...(roles.length > 0 && { roles: roles.length === 1 && roles[0] === 'none' ? [] : roles }),
  });
  return userAnswer(context, account);
}

export async function userDisable(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['username']);
  return userAnswer(context, await disableUser(administrationOf(context), required(input, 'username')));
}

export async function userEnable(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['username']);
  return userAnswer(context, await enableUser(administrationOf(context), required(input, 'username')));
}

export async function userReset(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['username', 'factors']);
  const factors = yesOrNo(input, 'factors');
  return handedAnswer(context, await resetUser(administrationOf(context), required(input, 'username'), { factors }));
}

async function userAnswer(context: Context, account: Account): Promise<Answer> {
  return answer((await withDetails(context.session, [account])).map(userPart));
}

async function handedAnswer(context: Context, handed: Handed): Promise<Answer> {
  const link = ticketLink(context.base.replace(/\/fhir$/, ''), handed);
  const users = (await withDetails(context.session, [handed.account])).map(userPart);
  const shown = [
    { name: 'kind', valueCode: handed.kind },
    { name: 'link', valueUrl: link },
    { name: 'expires', valueInstant: handed.expires },
  ];
  return { ...answer([...users, ...shown]), headers: { 'cache-control': 'no-store' } };
}

function answer(parameter: JsonObject[]): Answer {
  const resource: JsonObject = { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) };
  return { status: 200, resource };
}

function userPart({ account, roles, factors }: Reviewed): JsonObject {
  const { id, username, display, email, fhirUser, status, created, lastSignIn } = account;
  return {
    name: 'user',
    part: [
      { name: 'id', valueUuid: `urn:uuid:${id}` },
      { name: 'username', valueString: username },
      { name: 'display', valueString: display },
      ...(email === undefined ? [] : [{ name: 'email', valueString: email }]),
      ...(fhirUser === undefined ? [] : [{ name: 'fhirUser', valueReference: { reference: fhirUser } }]),
      { name: 'status', valueCode: status },
      ...roles.map(({ role }) => ({ name: 'role', valueCode: role })),
      ...factors.map((factor) => ({ name: 'factor', valueCode: factor })),
      { name: 'created', valueInstant: created },
      ...(lastSignIn === undefined ? [] : [{ name: 'lastSignIn', valueInstant: lastSignIn }]),
    ],
  };
}
