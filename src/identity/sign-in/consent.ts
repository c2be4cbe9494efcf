/**
 * The prompt `consent`: the context (launch, patient, encounter), then what the application may do with it.
 *
 * 1. What is granted is some of what was asked, of what the application is registered with, and of what the roles of the
 *    person allow at all; the token's scope says just that.
 * 2. A launch is used up by the grant, and by nothing before it.
 * 3. Applications that the laboratory trusts get what they ask for without a question; the choice of a patient stays.
 */
import { permitsOf } from '../../access/permits.ts';
import { grantPage } from '../../pages/grant.ts';
import { isContextScope } from '../../pages/scope-words.ts';
import { keepGrantContext, type LaunchContext } from '../grant-context.ts';
import { seeLaunch, useLaunch } from '../launch.ts';
import { frameOf, originOf, sendPage, textsFor } from '../pages/frame.ts';
import { accountById, rolesOfAccount } from '../accounts.ts';
import { roleFacts } from '../../access/role-facts.ts';
import { needsPatient, resourceScope, scopeWords } from '../scopes.ts';
import { accessTokenSeconds } from '../token-lifetimes.ts';
import { chooser, choosePatient, encounterOf, patientOf } from './choose.ts';
import { finish, keepProgress, parameter, pathOf, postingOf, refuse, type Progress, type Step } from './interaction.ts';

interface Asking {
  readonly accountId: string;
  readonly clientId: string;
  readonly client: {
    readonly clientName?: string | undefined;
    readonly clientUri?: string | undefined;
    readonly trusted?: unknown;
  };
  /** As asked, less what the person's roles do not allow at all. */
  readonly scopes: readonly string[];
  readonly fhirUser: string | undefined;
  readonly display: string;
}

export async function consentStep(step: Step): Promise<void> {
  const asking = await askingOf(step);
  if (asking === undefined) return await refuse(step, 'the account or the client is gone');
  const progress = await contextOf(step, asking);
  // A page was shown, or the authorization has ended.
  if (progress === undefined) return;
  if (asking.client.trusted === true) return await grant(step, asking, { progress, kept: asking.scopes });
  const decision = step.form?.get('decision');
  if (decision === 'deny') return await refuse(step, 'the person refused');
  const kept = keptOf(step, asking);
  if (decision === 'allow' && isEnough(kept, asking)) return await grant(step, asking, { progress, kept });
  await ask(step, asking, { progress, problem: decision === 'allow' });
}

async function askingOf(step: Step): Promise<Asking | undefined> {
  const { laboratory, provider, details } = step;
  const { identity, tenant } = laboratory;
  const accountId = details.session?.accountId;
  const clientId = parameter(step, 'client_id') ?? '';
  const client = await provider.Client.find(clientId);
  const account = accountId === undefined ? undefined : await accountById(identity, tenant, accountId);
  if (client === undefined || account?.status !== 'active') return undefined;
  const { roleScopes, manages } = roleFacts(await rolesOfAccount(identity, tenant, account.id));
  const allowed = (word: string): boolean => {
    if (word.startsWith('manage/')) return manages.some((thing) => word === `manage/${thing}`);
    const scope = resourceScope(word);
    // Of its own memory (app state) an app is not in need of the person's roles.
    if (scope === undefined || scope.type === 'Basic') return true;
    // Whichever patient it will be: a placeholder that has a value.
    const who = { compartments: { Patient: '-', Practitioner: '-', RelatedPerson: '-', Encounter: '-', Device: '-' } };
    return (
      permitsOf([scope], roleScopes, { ...who, ...(account.fhirUser !== undefined && { fhirUser: account.fhirUser }) })
        .length > 0
    );
  };
  const scopes = scopeWords(parameter(step, 'scope')).filter(allowed);
  const { fhirUser, display } = account;
  return { accountId: account.id, clientId, client, scopes, fhirUser, display };
}

/** The launch context; undefined where a page was shown instead. */
async function contextOf(step: Step, asking: Asking): Promise<Progress | undefined> {
  const { progress } = step;
  if (progress.launch !== undefined) return progress;
  const caller = await chooser(step.laboratory, asking.accountId);
  const given = await launchOf(step, asking);
  if (given === 'gone') {
    await refuse(step, 'launch was used meanwhile or has expired');
    return undefined;
  }
  let { patient } = given;
  // A launch is meant for whoever works in the EMR; in other hands it must not open the records that it names.
  if (patient !== undefined && (await patientOf(step, caller, patient)) === undefined) {
    await refuse(step, 'the launch is for a patient whom this person may not see');
    return undefined;
  }
  if (patient === undefined && needsPatient(asking.scopes)) {
    if (asking.fhirUser?.startsWith('Patient/') === true) patient = asking.fhirUser.slice('Patient/'.length);
    else {
      const asked = step.form?.get('patient') ?? undefined;
      const chosen = asked === undefined ? undefined : await patientOf(step, caller, asked);
      if (chosen === undefined) {
        await choosePatient(step, caller, asked === undefined ? missing(step) : 'gone');
        return undefined;
      }
      patient = chosen.id;
    }
  }
  const encounter =
    given.encounter ??
    (patient !== undefined && asking.scopes.includes('launch/encounter')
      ? await encounterOf(step, caller, patient)
      : undefined);
  const name = patient === undefined ? undefined : (await patientOf(step, caller, patient))?.name;
  const chosen: Progress = {
    launch: { ...given, ...(patient !== undefined && { patient }), ...(encounter !== undefined && { encounter }) },
    ...(name !== undefined && { patientName: name }),
  };
  await keepProgress(step, chosen);
  // The form was the choice of a patient, not the decision.
  if (step.form?.has('patient') === true) step.form.delete('decision');
  return chosen;
}

/** The list was sent without a choice; a search is no choice. */
function missing({ form }: Step): 'missing' | undefined {
  return form === undefined || form.has('search') ? undefined : 'missing';
}

async function launchOf(step: Step, { clientId, scopes }: Asking): Promise<LaunchContext | 'gone'> {
  const launch = parameter(step, 'launch');
  if (launch === undefined || !scopes.includes('launch')) return {};
  return (await seeLaunch(step.laboratory, launch, clientId)) ?? 'gone';
}

function keptOf({ form }: Step, { scopes }: Asking): string[] {
  const kept = new Set(form?.getAll('scope'));
  return scopes.filter((scope) => kept.has(scope));
}

/** Something with a tick, where there are ticks. */
function isEnough(kept: readonly string[], { scopes }: Asking): boolean {
  return kept.length > 0 && (kept.some((scope) => !isContextScope(scope)) || scopes.every(isContextScope));
}

async function ask(step: Step, asking: Asking, shown: { progress: Progress; problem: boolean }): Promise<void> {
  const { laboratory, ctx } = step;
  const { client, scopes, fhirUser } = asking;
  const { launch, patientName } = shown.progress;
  const redirect = parameter(step, 'redirect_uri');
  const page = grantPage(textsFor(laboratory, ctx, parameter(step, 'ui_locales')), {
    ...frameOf(laboratory, pathOf(step)),
    ...postingOf(step),
    signedInAs: asking.display,
    app: { name: client.clientName ?? asking.clientId, address: client.clientUri, returnsTo: originOf(redirect) ?? '' },
    scopes,
    ...(launch?.patient !== undefined && {
      patient: { name: patientName ?? launch.patient, self: fhirUser === `Patient/${launch.patient}` },
    }),
    lasts: lastsOf(step, scopes),
    ...(shown.problem && { problem: 'nothing' as const }),
  });
  const goesTo = originOf(redirect);
  sendPage(ctx, page, { status: shown.problem ? 422 : 200, ...(goesTo !== undefined && { goesTo }) });
}

function lastsOf({ laboratory }: Step, scopes: readonly string[]): number | 'online' | 'offline' {
  if (scopes.includes('offline_access')) return 'offline';
  return scopes.includes('online_access') ? 'online' : accessTokenSeconds(laboratory);
}

async function grant(
  step: Step,
  asking: Asking,
  { progress, kept }: { progress: Progress; kept: readonly string[] },
): Promise<void> {
  const { laboratory, provider, details } = step;
  const { accountId, clientId, fhirUser } = asking;
  const launch = parameter(step, 'launch');
  if (
    launch !== undefined &&
    kept.includes('launch') &&
    (await useLaunch(laboratory, launch, clientId)) === undefined
  ) {
    return await refuse(step, 'launch was used meanwhile or has expired');
  }
  const made = new provider.Grant({ accountId, clientId });
  made.addOIDCScope(kept.filter((word) => resourceScope(word) === undefined).join(' '));
  made.addResourceScope(laboratory.fhirBase, kept.join(' '));
  const grantId = await made.save();
  const session =
    details.session?.uid === undefined ? undefined : await provider.Session.findByUid(details.session.uid);
  await keepGrantContext(laboratory, grantId, {
    launch: contextKept(progress.launch ?? {}, kept),
    fhirUser,
    acr: details.session?.acr,
    amr: details.session?.amr,
    authTime: session?.loginTs,
  });
  await finish(step, { consent: { grantId } });
}

/** Without the scope for it, the application is not told. */
function contextKept(launch: LaunchContext, kept: readonly string[]): LaunchContext {
  const { patient, encounter, ...rest } = launch;
  const launched = kept.includes('launch');
  return {
    ...(launched && rest),
    ...(patient !== undefined && (launched || needsPatient(kept)) && { patient }),
    ...(encounter !== undefined && (launched || kept.includes('launch/encounter')) && { encounter }),
  };
}
