/**
 * Sub-processors of a laboratory's data (GDPR Art. 28(2)), for the data protection officer (manage/privacy), with a fresh
 * second factor. $processing-record lists them.
 *
 *   POST [base]/$sub-processor-set      name service country safeguard? noticed objectUntil starts    200: subProcessor
 *   POST [base]/$sub-processor-object   name reason                                                   200: subProcessor
 *   POST [base]/$sub-processor-end      name                                                          200
 *
 * The laboratory may object until the day `objectUntil`; a change of what is said of one begins anew.
 */
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import type { Session } from '../store/pool.ts';
import {
  endSubProcessor,
  objectTo,
  putSubProcessor,
  readSubProcessors,
  type SubProcessor,
} from '../store/sub-processors.ts';
import { optional, recorded, required } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';
import { checkSoleDeed, reasonOf } from './privacy.ts';

const parameters = ['name', 'service', 'country', 'safeguard', 'noticed', 'objectUntil', 'starts'];

export async function subProcessorSet(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$sub-processor-set');
  const input = await operationInput(context, call, parameters);
  const given = givenOf(input);
  return changed(context, given.name, (session) => putSubProcessor(session, given, context.caller.subject));
}

export async function subProcessorObject(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$sub-processor-object');
  const input = await operationInput(context, call, ['name', 'reason']);
  const name = nameOf(input);
  const objection = { by: context.caller.subject, reason: reasonOf(input) };
  const today = new Date().toISOString().slice(0, 10);
  return changed(context, name, async (session) => {
    const { objectUntil } = await known(session, name);
    if (objectUntil < today) {
      throw outcomeError('business-rule', `An objection to ${name} was possible until ${objectUntil}.`, {
        status: 422,
      });
    }
    await objectTo(session, name, objection);
  });
}

export async function subProcessorEnd(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$sub-processor-end');
  const name = nameOf(await operationInput(context, call, ['name']));
  await recorded(
    context,
    async (session) => {
      if (!(await endSubProcessor(session, name))) throw none(name);
    },
    () => thing('setting', name),
  );
  return { status: 200, resource: { resourceType: 'Parameters' } };
}

async function changed(context: Context, name: string, work: (session: Session) => Promise<void>): Promise<Answer> {
  const after = await recorded(
    context,
    async (session) => {
      await work(session);
      return known(session, name);
    },
    () => thing('setting', name),
  );
  return { status: 200, resource: { resourceType: 'Parameters', parameter: [subProcessorPart(after)] } };
}

async function known(session: Session, name: string): Promise<SubProcessor> {
  const found = (await readSubProcessors(session)).find((one) => one.name === name);
  if (found === undefined) throw none(name);
  return found;
}

function none(name: string): Error {
  return outcomeError('not-found', `There is no sub-processor "${name}".`);
}

const longest = 300;

function lineOf(input: Input, name: string): string {
  const text = required(input, name).trim();
  if (text.length > 0 && text.length <= longest && !/\p{Cc}/u.test(text)) return text;
  throw outcomeError('invalid', `${name} takes a line of at most ${longest} characters.`, { status: 400 });
}

function nameOf(input: Input): string {
  return lineOf(input, 'name');
}

function dayOf(input: Input, name: string): string {
  const text = required(input, name);
  const time = Date.parse(`${text}T00:00:00Z`);
  if (/^\d{4}-\d\d-\d\d$/.test(text) && new Date(time).toISOString().startsWith(text)) return text;
  throw outcomeError('value', `${name} is a day such as 2026-01-31, not "${text.slice(0, 40)}".`, { status: 400 });
}

function givenOf(input: Input): Omit<SubProcessor, 'objection'> {
  const country = required(input, 'country');
  if (!/^[A-Z]{2}$/.test(country)) {
    throw outcomeError('value', 'country is a code of ISO 3166 such as TN.', { status: 400 });
  }
  const [noticed, objectUntil, starts] = [dayOf(input, 'noticed'), dayOf(input, 'objectUntil'), dayOf(input, 'starts')];
  if (objectUntil < noticed || starts < objectUntil) {
    const sentence = 'The notice comes first, then the last day for an objection, then the first day of work.';
    throw outcomeError('business-rule', sentence, { status: 422 });
  }
  const safeguard = optional(input, 'safeguard') === undefined ? undefined : lineOf(input, 'safeguard');
  const what = { name: nameOf(input), service: lineOf(input, 'service'), country, noticed, objectUntil, starts };
  return { ...what, ...(safeguard !== undefined && { safeguard }) };
}

export function subProcessorPart(one: SubProcessor): JsonObject {
  const { name, service, country, safeguard, noticed, objectUntil, starts, objection } = one;
  return {
    name: 'subProcessor',
    part: [
      { name: 'name', valueString: name },
      { name: 'service', valueString: service },
      { name: 'country', valueCode: country },
      ...(safeguard === undefined ? [] : [{ name: 'safeguard', valueString: safeguard }]),
      { name: 'noticed', valueDate: noticed },
      { name: 'objectUntil', valueDate: objectUntil },
      { name: 'starts', valueDate: starts },
      ...(objection === undefined
        ? []
        : [
            { name: 'objected', valueInstant: objection.at },
            { name: 'objection', valueString: objection.reason },
          ]),
    ],
  };
}
