/** Whose access is explained: an account with its roles, an application, or an actor as a Consent names one. */
import { makeCaller, type CallerFacts } from '../access/caller.ts';
import { resolveRoles } from '../access/role-definition.ts';
import { roleFacts } from '../access/role-facts.ts';
import { shippedRoles } from '../access/roles.ts';
import { parseScope, scopeText, type Scope } from '../access/scopes.ts';
import { canonicalUsername } from '../accounts/username.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { isId } from '../fhir/reference.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Caller, Context } from '../request.ts';
import { findAccount, rolesHeld } from '../store/accounts.ts';
import { actorsOf } from '../store/actors.ts';
import { findClient } from '../store/clients.ts';
import { readRoles } from '../store/roles.ts';
import { optional } from './administer.ts';
import type { Input } from './parameters.ts';

export interface Subject {
  readonly caller: Caller;
  /** Texts of the scopes that bind; undefined where none are known, as of an actor alone. */
  readonly scopes: readonly string[] | undefined;
}

/** @throws OutcomeError `required` without any, `not-found` where it is not there. */
export async function subjectOf(context: Context, input: Input, purposes: readonly string[]): Promise<Subject> {
  const [account, client] = [optional(input, 'account'), optional(input, 'client')];
  const actors = [
    ...input.texts('actor').filter(isText),
    ...input.values('actor').map(({ reference }) => String(reference)),
  ];
  actors.forEach(checkActor);
  if ([account, client, actors[0]].filter((one) => one !== undefined).length !== 1) {
    throw outcomeError('required', '$consent-explain takes one account, one client, or actors.', { status: 400 });
  }
  const stated = purposes.length > 0 ? { purposes } : {};
  if (account !== undefined) return ofAccount(context, account, stated);
  if (client !== undefined) return ofClient(context, client, stated);
  return ofActors(context, actors, stated);
}

/** Complex values of the parameter are read as such. */
function isText(text: string): boolean {
  return text !== '[object Object]';
}

function checkActor(reference: string): void {
  const [type = '', id = '', ...rest] = reference.split('/');
  if (typeNumber(type) !== undefined && isId(id) && rest.length === 0) return;
  throw outcomeError('invalid', `"${reference.slice(0, 100)}" is no actor: name one as Practitioner/1.`, {
    status: 400,
  });
}

type Stated = Pick<CallerFacts, 'purposes'>;

const whole: Scope = { context: 'system', type: '*', permissions: 'cruds' };

async function ofAccount({ session, server, tenant }: Context, username: string, stated: Stated): Promise<Subject> {
  const account = await findAccount(session, canonicalUsername(username));
  if (account === undefined) throw outcomeError('not-found', `There is no account "${username.slice(0, 60)}".`);
  const held = (await rolesHeld(session, [account.id])).get(account.id) ?? [];
  const names = held.map(({ role }) => role);
  const facts = roleFacts(resolveRoles(names, await readRoles(session, names)));
  const { fhirUser } = account;
  const actors = fhirUser === undefined ? [] : await actorsOf(server.database, tenant.id, fhirUser);
  const caller = makeCaller({
    ...facts,
    ...stated,
    subject: account.id,
    client: '',
    scopes: [whole],
    fhirUser,
    actors,
  });
  return { caller, scopes: facts.roleScopes?.map(scopeText) };
}

async function ofClient({ session }: Context, id: string, stated: Stated): Promise<Subject> {
  const client = await findClient(session, id);
  if (client === undefined) throw outcomeError('not-found', `There is no client "${id.slice(0, 60)}".`);
  const texts = client.scopes.split(' ').filter((word) => /^(system|user|patient)\//.test(word));
  const { clearance = 'all' } = shippedRoles.get('interface') ?? {};
  const { consent = 'enforced' } = client.metadata;
  const facts: Omit<CallerFacts, 'subject' | 'client'> = {
    roles: ['interface'],
    clearance,
    consent,
    actors: [`Device/${id}`],
    scopes: texts.map(parseScope),
  };
  return { caller: makeCaller({ ...facts, ...stated, subject: id, client: id }), scopes: texts };
}

/** Nothing is known of him but his names: his scopes are left out, and he is cleared for what is usual. */
async function ofActors({ server, tenant }: Context, given: readonly string[], stated: Stated): Promise<Subject> {
  const [fhirUser = ''] = given;
  const actors = [...new Set([...given, ...(await actorsOf(server.database, tenant.id, fhirUser))])];
  const clearance = ['U', 'L', 'M', 'N'];
  return {
    caller: makeCaller({
      ...stated,
      subject: '',
      client: '',
      scopes: [whole],
      clearance,
      consent: 'enforced',
      fhirUser,
      actors,
    }),
    scopes: undefined,
  };
}
