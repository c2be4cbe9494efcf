/**
 * `makhbar privacy forward|list`: requests of persons that reach the person who runs the machine instead of the laboratory, which
 * answers for the data (GDPR Art. 28(3)(e)). One that is forwarded is a Task of the laboratory; the receipt is for the person.
 */
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import { parseJson, type JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { contextOf } from '../gateways/gateway.ts';
import { newId } from '../interactions/new-id.ts';
import { newTrail } from '../interactions/trail.ts';
import { createLog } from '../log.ts';
import { fileRequest, filingOf, receiptOf } from '../operations/data-subject-request.ts';
import type { Input } from '../operations/parameters.ts';
import { factsOf } from '../privacy/request-task.ts';
import type { Context } from '../request.ts';
import { serve } from '../serve.ts';
import { shared } from '../start/http.ts';
import { makeTenantCache } from '../store/tenant-cache.ts';
import { print, withDatabase, type Output } from './connect.ts';

export interface ForwardOptions extends Output {
  type: string;
  patient?: string;
  name?: string;
  contact?: string;
  text?: string;
  received?: string;
  language?: string;
}

export interface RequestsOptions extends Output {
  overdue?: boolean;
}

export async function forwardCommand(tenant: string, options: ForwardOptions): Promise<void> {
  const { json, text, ...given } = options;
  const written = text === undefined ? undefined : text === '-' ? await textOf(process.stdin) : await read(text);
  const input = inputOf({ ...given, text: written });
  const receipt = await within(tenant, 'system/Task.c', async (context) => {
    context.trail.asked = { kind: 'data-subject-request', deed: 'makhbar privacy forward' };
    return receiptOf(await fileRequest(context, { ...filingOf(input, undefined), sender }));
  });
  const [day] = receipt.received.split('T');
  const lines = [
    `Request ${receipt.number} came on ${day} and is handed on to ${tenant}, which answers for these data.`,
    `It is to be answered by ${receipt.due}. (${receipt.task})`,
  ];
  print({ ...(json && { json }) }, receipt, lines.join('\n'));
}

const sender: JsonObject = {
  type: 'Organization',
  identifier: { system: 'urn:makhbar:party', value: 'operator' },
  display: 'Operator of the server',
};

export async function listRequestsCommand(tenant: string, options: RequestsOptions): Promise<void> {
  const today = new Date().toISOString().slice(0, 10);
  const tasks = await within(tenant, 'system/Task.s', (context) =>
    openTasks(context, options.overdue ? today : undefined),
  );
  const rows = tasks.map((task) => {
    const { number, right, status, due } = factsOf(task);
    return { number, type: right, status, due, overdue: due < today, task: `Task/${String(task['id'])}` };
  });
  const lines = rows.map(({ number, type, status, due, overdue }) =>
    [due, overdue ? 'overdue' : '       ', number, type, status].join('  '),
  );
  print(options, rows, lines.length === 0 ? 'There is no open request.' : lines.join('\n'));
}

const most = 1_000;

async function openTasks(context: Context, before: string | undefined): Promise<JsonObject[]> {
  const answer = await serve(context, {
    method: 'GET',
    segments: ['Task'],
    query: [
      ['code', 'urn:makhbar:task|data-subject-request'],
      ['status', 'requested,received,accepted,in-progress'],
      ...(before === undefined ? [] : [['due', `lt${before}`] as const]),
      ['_sort', 'due'],
      ['_count', String(most)],
    ],
    headers: {},
    body: undefined,
  });
  const { entry } = parseJson(answer.text ?? '{}') as { entry?: { resource: JsonObject }[] };
  return (entry ?? []).map(({ resource }) => resource);
}

async function read(name: string): Promise<string> {
  try {
    return await readFile(name, 'utf8');
  } catch {
    throw outcomeError('not-found', `The file ${name} cannot be read.`);
  }
}

function within<T>(name: string, scopes: string, work: (context: Context) => Promise<T>): Promise<T> {
  return withDatabase(async (database, config) => {
    const tenant = await makeTenantCache(database).find(name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const server = shared(config, database, createLog('silent'));
    const caller = operatorCaller({ subject: 'operator', client: 'makhbar', scopes: parseScopes(scopes) });
    const context = contextOf(server, { tenant, caller, requestId: newId(), address: '' });
    try {
      return await work({ ...context, trail: newTrail(context.trail.asked) });
    } finally {
      await server.usage.flush();
    }
  });
}

function inputOf(options: Readonly<Record<string, string | undefined>>): Input {
  return {
    texts: (name) => {
      const value = Object.hasOwn(options, name) ? options[name] : undefined;
      return value === undefined ? [] : [value];
    },
    resource: () => undefined,
    resources: () => [],
    value: () => undefined,
    values: () => [],
    parts: () => [],
    given: () => [],
    names: Object.keys(options),
  };
}
