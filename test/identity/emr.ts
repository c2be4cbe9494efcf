/**
 * A small EMR as seen from outside: registered as a launcher, it signs in with its secret, prepares a launch context and
 * opens an app at its launch address.
 */
import { randomBytes } from 'node:crypto';
import { askToken, type App } from './app.ts';
import { addClient, newSecret } from '../../src/store/clients.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { testDatabase, type Laboratory } from '../server.ts';

export interface Emr {
  readonly app: App;
  /** A token with manage/launches. */
  token(): Promise<string>;
  /** The Parameters that $launch-context answers, by name. */
  launch(parameters: readonly object[]): Promise<{ status: number; values: Record<string, string>; text: string }>;
}

export async function makeEmr(lab: Laboratory): Promise<Emr> {
  const { secret, hash } = newSecret();
  const clientId = `emr-${randomBytes(4).toString('hex')}`;
  await addClient(sessionOf(testDatabase(), lab.tenant.id), {
    id: clientId,
    kind: 'launcher',
    name: 'Ward EMR',
    scopes: 'manage/launches system/Patient.rs',
    metadata: {},
    createdBy: 'test',
    secretHash: hash,
  });
  const app: App = { lab, issuer: lab.base.replace(/\/fhir$/, ''), clientId, secret, redirectUri: '' };
  const token = async (): Promise<string> => {
    const { body } = await askToken(app, { grant_type: 'client_credentials', scope: 'manage/launches' });
    return String(body['access_token']);
  };
  return {
    app,
    token,
    launch: async (parameter) => {
      const answer = await fetch(`${lab.base}/$launch-context`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/fhir+json' },
        body: JSON.stringify({ resourceType: 'Parameters', parameter }),
      });
      const text = await answer.text();
      const parts = ((JSON.parse(text) as { parameter?: Record<string, string>[] }).parameter ?? []).map((part) => [
        part['name'],
        part['valueString'] ?? part['valueUrl'] ?? part['valueInstant'],
      ]);
      return { status: answer.status, values: Object.fromEntries(parts) as Record<string, string>, text };
    },
  };
}
