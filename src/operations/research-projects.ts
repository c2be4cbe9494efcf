/**
 * Projects of research and statistics, for the data protection officer (manage/privacy), with a fresh second factor.
 *
 *   POST [base]/$research-project-add   name purpose dates? least?      200: project
 *   POST [base]/$research-project-end   name                            200: destroys the key of its pseudonyms
 *   GET  [base]/$research-projects                                      200: project, each
 *
 * `dates` is `shift` (all dates of a patient by the same days) or `year`; `least` (5): what fewer patients share is not said
 * of any. What was given out before keeps its pseudonyms; after the end nobody can tell any more whose they were.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { thing } from '../audit/security.ts';
import { projectKeyName } from '../exporting/research.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sealBytes } from '../files/encrypted.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { addProject, endProject, readProject, readProjects, type ResearchProject } from '../store/research-projects.ts';
import { tenantKeys } from '../store/tenant-keys.ts';
import { optional, recorded, required } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';
import { checkSoleDeed } from './privacy.ts';

const longest = 300;
const usualLeast = 5;

export async function researchProjectAdd(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$research-project-add');
  const input = await operationInput(context, call, ['name', 'purpose', 'dates', 'least']);
  const given = { name: nameOf(input), purpose: purposeOf(input), dates: datesOf(input), least: leastOf(input) };
  const { server, tenant, caller } = context;
  const id = randomUUID();
  const keys = tenantKeys(server.database, tenant.id, server.config.keyEncryptionKey());
  const sealed = await sealBytes(keys, projectKeyName(tenant.id, id), randomBytes(32));
  const made = await recorded(
    context,
    async (session) => {
      if (await addProject(session, { id, ...given, sealed }, caller.subject)) return readProject(session, given.name);
      const sentence = `There is or was a project "${given.name}"; name another.`;
      throw outcomeError('duplicate', sentence, { status: 409 });
    },
    () => thing('setting', `research project ${given.name}`),
  );
  return parameters(made === undefined ? [] : [made]);
}

export async function researchProjectEnd(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$research-project-end');
  const name = nameOf(await operationInput(context, call, ['name']));
  const ended = await recorded(
    context,
    async (session) => {
      if (await endProject(session, name, context.caller.subject)) return readProject(session, name);
      throw outcomeError('not-found', `There is no project "${name}" that has a key.`);
    },
    () => thing('setting', `research project ${name}`),
  );
  return parameters(ended === undefined ? [] : [ended]);
}

export async function researchProjects(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  return parameters(await readProjects(context.session));
}

function parameters(projects: readonly ResearchProject[]): Answer {
  return { status: 200, resource: { resourceType: 'Parameters', parameter: projects.map(projectPart) } };
}

function projectPart({ name, purpose, dates, least, created, ended }: ResearchProject): JsonObject {
  return {
    name: 'project',
    part: [
      { name: 'name', valueString: name },
      { name: 'purpose', valueString: purpose },
      { name: 'dates', valueCode: dates },
      { name: 'least', valueInteger: least },
      { name: 'created', valueInstant: created },
      ...(ended === undefined ? [] : [{ name: 'ended', valueInstant: ended }]),
    ],
  };
}

/** It stands in addresses and in the log. */
function nameOf(input: Input): string {
  const text = required(input, 'name');
  if (/^[a-z0-9][a-z0-9-]{0,63}$/.test(text)) return text;
  throw outcomeError('value', 'name takes small letters, digits and hyphens, 64 at most.', { status: 400 });
}

function purposeOf(input: Input): string {
  const text = required(input, 'purpose').trim();
  if (text.length > 0 && text.length <= longest && !/\p{Cc}/u.test(text)) return text;
  throw outcomeError('invalid', `purpose takes a line of at most ${longest} characters.`, { status: 400 });
}

function datesOf(input: Input): 'shift' | 'year' {
  const text = optional(input, 'dates') ?? 'shift';
  if (text === 'shift' || text === 'year') return text;
  throw outcomeError('value', `dates is shift or year, not "${text.slice(0, 40)}".`, { status: 400 });
}

function leastOf(input: Input): number {
  const text = optional(input, 'least') ?? String(usualLeast);
  if (/^\d{1,4}$/.test(text) && Number(text) >= 2 && Number(text) <= 1_000) return Number(text);
  throw outcomeError('value', `least is a number from 2 to 1000, not "${text.slice(0, 40)}".`, { status: 400 });
}
