/** What the tests of data-subject requests ask the server. */
import { headers, parameters, send, type Json } from '../erasure/laboratory.ts';
import type { Laboratory } from '../server.ts';

export type Values = Parameters<typeof parameters>[0];

export const file = (lab: Laboratory, values: Values): Promise<Json> =>
  send(lab, 'POST', '$data-subject-request', parameters(values));

export const step = (lab: Laboratory, task: Json, name: string, values: Values = {}): Promise<Json> =>
  send(lab, 'POST', `Task/${String(task['id'])}/$data-subject-step`, parameters({ step: name, ...values }));

/** A request of which it is known who asks. */
export async function accepted(lab: Laboratory, values: Values): Promise<Json> {
  const task = await file(lab, { patient: 'Patient/p', identity: 'document', ...values });
  await step(lab, task, 'acknowledge');
  return step(lab, task, 'accept');
}

/** Status and text. */
export async function answered(lab: Laboratory, path: string, method: string, body?: Json): Promise<[number, string]> {
  const answer = await lab.fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return [answer.status, await answer.text()];
}
