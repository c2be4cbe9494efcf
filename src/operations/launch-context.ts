/**
 * $launch-context: an EMR prepares to launch an app (SMART EHR launch). For callers with manage/launches.
 *
 *   POST [base]/$launch-context    patient? encounter? intent? fhirContext* needPatientBanner? client?
 *   200: launch, iss, expires, url?
 *
 * patient and encounter are References or ids, fhirContext the JSON text of an object as SMART defines it. The EMR opens
 * the app at its launch address with iss and launch; `url` is that address, where `client` names an app that has one.
 *
 * 1. The launch id is random and shown once; its SHA-256 is stored.
 * 2. It is good for five minutes, once, at this laboratory, and for the named app alone where one is named.
 */
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../fhir/json.ts';
import { isId } from '../fhir/reference.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { findClient } from '../store/clients.ts';
import { addLaunch } from '../store/launches.ts';
import { hashOf } from '../store/oidc.ts';
import { optional, recorded, yesOrNo } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';

const goodFor = 300;
const mostContexts = 20;
const longestText = 4_000;

export async function launchContext(context: Context, call: Call): Promise<Answer> {
  const names = ['patient', 'encounter', 'intent', 'fhirContext', 'needPatientBanner', 'client'];
  const input = await operationInput(context, call, names);
  const made = contextOf(context, input);
  const client = await clientOf(context, input);
  const launch = randomBytes(32).toString('base64url');
  const seconds = goodFor;
  const added = {
    id: hashOf(launch),
    clientId: client?.id,
    madeBy: context.caller.client,
    context: JSON.stringify(made),
    seconds,
  };
  await recorded(context, (session) => addLaunch(session, added));
  const url =
    client?.launchUri === undefined ? [] : [{ name: 'url', valueUrl: launchUrl(context, client.launchUri, launch) }];
  const parameter: JsonObject[] = [
    { name: 'launch', valueString: launch },
    { name: 'iss', valueUrl: context.base },
    { name: 'expires', valueInstant: new Date(Date.now() + seconds * 1_000).toISOString() },
    ...url,
  ];
  return {
    status: 200,
    headers: { 'cache-control': 'no-store' },
    resource: { resourceType: 'Parameters', parameter },
  };
}

/** Named as in the answer of the token endpoint. */
function contextOf(context: Context, input: Input): JsonObject {
  const patient = idOf(context, input, 'Patient');
  const encounter = idOf(context, input, 'Encounter');
  const intent = optional(input, 'intent');
  const banner = optional(input, 'needPatientBanner') === undefined ? undefined : yesOrNo(input, 'needPatientBanner');
  const contexts = input.texts('fhirContext').map(fhirContextOf);
  if (contexts.length > mostContexts) {
    throw outcomeError('too-long', `fhirContext is given at most ${mostContexts} times.`, { status: 400 });
  }
  if (intent !== undefined && intent.length > 200) throw invalid('intent has at most 200 characters.');
  return {
    ...(patient !== undefined && { patient }),
    ...(encounter !== undefined && { encounter }),
    ...(intent !== undefined && { intent }),
    ...(banner !== undefined && { need_patient_banner: banner }),
    ...(contexts.length > 0 && { fhirContext: contexts }),
  };
}

/** An id, `Patient/1`, or a Reference to it; an absolute one must be of this laboratory. */
function idOf({ base }: Context, input: Input, type: 'Patient' | 'Encounter'): string | undefined {
  const name = type.toLowerCase();
  const reference = input.value(name)?.['reference'];
  const written = typeof reference === 'string' ? reference : optional(input, name);
  if (written === undefined) return undefined;
  const relative = written.startsWith(`${base}/`) ? written.slice(base.length + 1) : written;
  const id = relative.startsWith(`${type}/`) ? relative.slice(type.length + 1) : relative;
  if (!isId(id)) throw invalid(`${name} is the id of a ${type} of this laboratory, or a reference to one.`);
  return id;
}

/** https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#fhir-context */
function fhirContextOf(text: string): JsonObject {
  if (text.length > longestText) throw invalid(`A fhirContext has at most ${longestText} characters.`);
  const value = objectOf(text);
  const unknown = Object.keys(value).find((key) => !contextMembers.includes(key));
  if (unknown !== undefined || !contextMembers.slice(0, 3).some((member) => member in value)) {
    throw invalid(`fhirContext has reference, canonical or identifier, and of ${contextMembers.join(', ')}.`);
  }
  const { reference, role } = value;
  if (
    reference !== undefined &&
    (typeof reference !== 'string' || !/^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(reference))
  ) {
    throw invalid('The reference of a fhirContext is relative, as in ImagingStudy/123.');
  }
  if (role === '') throw invalid('The role of a fhirContext must not be empty.');
  if (role === undefined && /^(Patient|Encounter)\//.test(String(reference))) {
    throw invalid('A Patient or an Encounter is the context itself (patient, encounter), or has a role.');
  }
  return value;
}

const contextMembers = ['reference', 'canonical', 'identifier', 'type', 'role'];

function objectOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Said below.
  }
  throw invalid('fhirContext is the JSON text of an object.');
}

async function clientOf(
  context: Context,
  input: Input,
): Promise<{ id: string; launchUri: string | undefined } | undefined> {
  const id = optional(input, 'client');
  if (id === undefined) return undefined;
  const client = await findClient(context.session, id);
  if (client?.status !== 'active') throw invalid(`client: there is no active client "${id.slice(0, 128)}".`);
  return { id: client.id, launchUri: client.metadata.launchUri };
}

function launchUrl({ base }: Context, launchUri: string, launch: string): string {
  const url = new URL(launchUri);
  url.searchParams.set('iss', base);
  url.searchParams.set('launch', launch);
  return url.href;
}

function invalid(sentence: string): Error {
  return outcomeError('invalid', sentence, { status: 400 });
}
