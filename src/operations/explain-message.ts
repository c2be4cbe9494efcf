/**
 * Endpoint/[id]/$explain-message: a message of an interface, field by field: what the standard calls it, what its codes mean,
 * what it became in FHIR, and what was ignored.
 *
 *   GET  [base]/Endpoint/[id]/$explain-message?id=0190…        a message of record
 *   POST … { "resourceType": "Parameters", "parameter": [{ "name": "message", "valueString": "MSH|…" }] }
 *                                                              a text that is only tried: nothing is stored
 *   Accept: text/html                                          a page; _language=ar|fr|en, else Accept-Language
 *
 * Parameters: id, received, status and made (versions) of a message of record; type, version; segment (place, name, and for each field
 * place, name, value, meaning, fate, became*); resource (name, deed, and for each element path, value, from*); outcome
 * (OperationOutcome) with the problems; unmapped (local codes). Fates: src/translation/explain.ts.
 *
 * Who may: who may read the Endpoint, Patient, ServiceRequest, Specimen, Observation and DiagnosticReport without conditions,
 * and sees each resource that the message became; of a message that became none, who sees every resource of these types.
 * It is translated as the interface is set now: what it became then is in `made`.
 */
import { grants } from '../access/scopes.ts';
import { isUnconditional } from '../access/permits.ts';
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { plainAccessOf } from '../interactions/access.ts';
import type { Call } from '../interactions/call.ts';
import { showed } from '../interactions/trail.ts';
import { visibleCurrent } from '../interactions/visible.ts';
import { explanationPage } from '../pages/message-explanation.ts';
import type { Answer, Context } from '../request.ts';
import { readMessage, type StoredMessage } from '../store/messages.ts';
import { optional } from './administer.ts';
import { endpointOf } from './endpoint.ts';
import { explanationParts } from './explain-parts.ts';
import { explained, oneMessage } from './explained.ts';
import { operationInput, type Input } from './parameters.ts';
import { htmlAnswer, reportForm, reportTexts } from './report-form.ts';

export async function explainMessage(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['id', 'message', '_language']);
  const form = reportForm(call, ['html']);
  const texts = reportTexts(input, call);
  const endpoint = await endpointOf(context, call.target.id);
  const stored = await storedMessage(context, call, input);
  const message = oneMessage(stored?.raw ?? textOf(call, input), endpoint);
  const { session, tenant } = context;
  const explanation = await explained({ session, tenant, endpoint }, message);
  if (form === 'fhir') return { status: 200, resource: explanationParts(explanation, stored) };
  const page = explanationPage(texts, {
    head: {
      laboratory: tenant.title,
      made: new Date().toISOString(),
      from: undefined,
      to: undefined,
      zone: tenant.settings.timezone ?? 'UTC',
      partial: false,
    },
    interface: typeof endpoint['name'] === 'string' ? endpoint['name'] : call.target.id,
    stored: stored && { id: stored.id, received: stored.received, status: stored.status, made: stored.resources },
    ...explanation,
  });
  return htmlAnswer(page, texts);
}

/** What a query says stands in logs and in the audit log: a message, which is about a patient, is sent in a body. */
function textOf({ query }: Call, input: Input): string {
  if (query.some(([name]) => name === 'message')) {
    throw outcomeError('invalid', 'message is sent in a Parameters resource, not in the query.', { status: 400 });
  }
  const text = optional(input, 'message');
  if (text !== undefined) return text;
  throw outcomeError('required', '$explain-message needs the id of a message, or a message.', { status: 400 });
}

async function storedMessage(context: Context, { target }: Call, input: Input): Promise<StoredMessage | undefined> {
  const id = optional(input, 'id');
  if (id === undefined) return undefined;
  if (input.texts('message').length > 0) {
    throw outcomeError('invalid', '$explain-message takes id or message, not both.', { status: 400 });
  }
  checkScopes(context);
  const stored = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
    ? await readMessage(context.session, id)
    : undefined;
  if (stored === undefined || stored.interface !== target.id) {
    throw outcomeError('not-found', `Endpoint/${target.id} has no message ${id.slice(0, 64)}.`);
  }
  if (stored.protocol !== 'hl7v2') {
    throw outcomeError('not-supported', `Messages of ${stored.protocol.toUpperCase()} are not explained.`, {
      status: 400,
    });
  }
  if (stored.raw.length === 0) throw outcomeError('not-found', `The message ${id} was erased.`);
  context.trail.further.push(thing('message', id));
  await checkVisible(context, stored);
  return stored;
}

/** What messages are about. */
const types = ['Patient', 'ServiceRequest', 'Specimen', 'Observation', 'DiagnosticReport'];

function checkScopes({ caller }: Context): void {
  const whole = caller.permits.filter(isUnconditional);
  const missing = types.find((type) => !grants(whole, 'r', type));
  if (missing === undefined) return;
  throw outcomeError(
    'forbidden',
    `Your scopes do not allow $explain-message of a stored message: that needs ${missing}.r without conditions.`,
  );
}

/** A message says what its resources say: who may not see one of them does not see it here. */
async function checkVisible(context: Context, { resources }: StoredMessage): Promise<void> {
  const access = plainAccessOf(context, 'r');
  // Where they come from is said by the message itself.
  const told = resources.filter((name) => !name.startsWith('Provenance/'));
  const names = [...new Set(told.map((name) => name.split('/').slice(0, 2).join('/')))];
  const seesAll = types.every((type) => access(type)?.kind === 'all');
  if (names.length === 0 && !seesAll) throw hidden();
  for (const name of names) {
    const [type = '', id = ''] = name.split('/');
    const stored = await visibleCurrent(context, { type: typeNumber(type) ?? -1, id }, access);
    if (stored !== undefined) showed(context.trail, stored);
    // What is gone for good hides nothing any more from who sees all.
    else if (!seesAll) throw hidden();
  }
}

function hidden(): Error {
  return outcomeError('forbidden', 'The message is about something that you may not see.');
}
