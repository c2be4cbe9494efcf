/** Every interaction that takes a body, as a function from the text of a resource to a request. */
import type { Answer, Client } from '../../conformance/client.ts';

type Throw = (client: Client, text: string) => Promise<Answer>;

const json = { 'content-type': 'application/fhir+json' };

function typeIn(text: string): string {
  return /"resourceType"\s*:\s*"([A-Za-z]+)"/.exec(text)?.[1] ?? 'Patient';
}

const entry =
  (type: string, method: string): Throw =>
  (client, text) => {
    const body = `{"resourceType":"Bundle","type":"${type}","entry":[{"resource":${text},"request":{"method":"${method}","url":"${typeIn(text)}"}}]}`;
    return client.send('POST', '', { body, headers: json });
  };

export const interactions: Readonly<Record<string, Throw>> = {
  create: (client, body) => client.send('POST', typeIn(body), { body, headers: json }),
  update: (client, body) => client.send('PUT', `${typeIn(body)}/seed`, { body, headers: json }),
  'conditional update': (client, body) => client.send('PUT', `${typeIn(body)}?_id=nobody`, { body, headers: json }),
  validate: (client, body) => client.send('POST', `${typeIn(body)}/$validate`, { body, headers: json }),
  'JSON Patch document': (client, body) =>
    client.send('PATCH', 'Patient/seed', { body, headers: { 'content-type': 'application/json-patch+json' } }),
  'JSON Patch value': (client, text) =>
    client.send('PATCH', 'Patient/seed', {
      body: `[{"op":"add","path":"/contact","value":[${text}]}]`,
      headers: { 'content-type': 'application/json-patch+json' },
    }),
  'FHIRPath Patch value': (client, text) =>
    client.send('PATCH', 'Patient/seed', {
      body: `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.name"},{"name":"value","valueHumanName":${text}}]}]}`,
      headers: json,
    }),
  'batch entry': entry('batch', 'POST'),
  'transaction entry': entry('transaction', 'POST'),
  'transaction conditional reference': (client, text) => {
    const reference = JSON.stringify(`Patient?identifier=${text.slice(0, 200)}`);
    const resource = `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":${reference}}}`;
    return entry('transaction', 'POST')(client, resource);
  },
  'Bundle itself': (client, body) => client.send('POST', '', { body, headers: json }),
  'search form': (client, body) =>
    client.send('POST', 'Patient/_search', {
      body: `name=${encodeURIComponent(body.slice(0, 2_000).toWellFormed())}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
  'search value': (client, body) =>
    client.send('GET', `Patient?identifier=${encodeURIComponent(body.slice(0, 1_000).toWellFormed())}`),
};
