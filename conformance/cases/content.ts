/** What is stored is what comes back: decimals, Binary, and the asynchronous pattern where it is claimed. */
import { ask, bundle, entriesOf, locatedAt, submit } from '../bundles.ts';
import { may, section, shall, should } from '../case.ts';
import { check, header, same, skip, status } from '../checks.ts';
import type { Answer } from '../client.ts';
import { nameOf, observation, patient } from '../samples.ts';
import type { World } from '../world.ts';

/** Decimals whose precision or size a float would lose. */
const decimals = ['1.00', '0.10', '100', '1e2', '0.000000001', '3.14159265358979323846', '123456789012345678', '-0.50'];

/** The text of Observation.valueQuantity.value as it stands in an answer. */
function decimalIn(answer: Answer): string | undefined {
  return /"value"\s*:\s*(-?[0-9][0-9.eE+-]*)/.exec(answer.text)?.[1];
}

function withDecimal(world: World, subject: string, text: string): string {
  const body = JSON.stringify(observation(world, subject, { valueQuantity: { value: 'DECIMAL', unit: 'g/dL' } }));
  return body.replace('"DECIMAL"', text);
}

export const decimalPrecision = section('decimals', 'datatypes.html#decimal', [
  ...decimals.map((text) =>
    shall(`the precision of a decimal is preserved: ${text}`, async (world) => {
      const subject = nameOf(await world.create(patient(world)));
      const headers = { prefer: 'return=minimal' };
      const made = await world.send('POST', 'Observation', { body: withDecimal(world, subject, text), headers });
      status(made, 201);
      const read = await world.get(made.headers.get('location') ?? '');
      same(decimalIn(read), text, 'the decimal as read');
    }),
  ),
  shall(
    'the precision of a decimal is preserved through a transaction',
    async (world) => {
      const subject = nameOf(await world.create(patient(world)));
      const entry = `{"resource":${withDecimal(world, subject, '7.20')},"request":{"method":"POST","url":"Observation"}}`;
      const body = `{"resourceType":"Bundle","type":"transaction","entry":[${entry}]}`;
      const [made] = entriesOf(await world.send('POST', '', { body }), 'transaction-response', 1);
      same(decimalIn(await world.get(locatedAt(made))), '7.20', 'the decimal as read');
    },
    { interaction: 'transaction' },
  ),
  shall(
    'the precision of a decimal is preserved through a patch of something else',
    async (world) => {
      const subject = nameOf(await world.create(patient(world)));
      const headers = { prefer: 'return=representation' };
      const made = await world.send('POST', 'Observation', { body: withDecimal(world, subject, '5.40'), headers });
      const body = '[{"op":"replace","path":"/status","value":"amended"}]';
      const name = nameOf(made.json);
      status(
        await world.send('PATCH', name, { body, headers: { 'content-type': 'application/json-patch+json' } }),
        200,
      );
      same(decimalIn(await world.get(name)), '5.40', 'the decimal as read');
    },
    { type: 'Observation', interaction: 'patch', patchFormat: 'application/json-patch+json' },
  ),
]);

const pdf = new Uint8Array([0x25, 0x50, 0x44, 0x46, 0x00, 0xff, 0xfe, 0x0a]);

async function storedPdf(world: World): Promise<string> {
  const made = await world.send('POST', 'Binary', { body: pdf, headers: { 'content-type': 'application/pdf' } });
  status(made, 201);
  return made.headers.get('location')?.replace(/\/_history\/.*$/, '') ?? '';
}

const needs = { type: 'Binary', interaction: 'create' } as const;

export const binary = section('binary', 'binary.html#rest', [
  shall(
    'bytes of any type are stored and come back as they were, with their content type',
    async (world) => {
      const answer = await world.get(await storedPdf(world), { accept: 'application/pdf' });
      status(answer, 200);
      header(answer, 'content-type', /^application\/pdf/);
      same([...answer.bytes], [...pdf], 'the bytes');
    },
    needs,
  ),
  shall(
    'with a FHIR type in Accept the content comes as a Binary resource in base64',
    async (world) => {
      const answer = await world.get(await storedPdf(world));
      status(answer, 200);
      same(
        [answer.json?.resourceType, answer.json?.contentType],
        ['Binary', 'application/pdf'],
        'type and contentType',
      );
      same(answer.json.data, Buffer.from(pdf).toString('base64'), 'data');
    },
    needs,
  ),
  shall(
    'a Binary sent as a resource is served as bytes',
    async (world) => {
      const data = Buffer.from('مختبر').toString('base64');
      const made = await world.create({ resourceType: 'Binary', contentType: 'text/plain', data });
      const answer = await world.get(`Binary/${made['id']}`, { accept: 'text/plain' });
      header(answer, 'content-type', /^text\/plain/);
      same(new TextDecoder().decode(answer.bytes), 'مختبر', 'the text');
    },
    needs,
  ),
  should(
    'any Accept that is no FHIR type gives the bytes with their own content type',
    async (world) => {
      header(await world.get(await storedPdf(world), { accept: '*/*' }), 'content-type', /^application\/pdf/);
    },
    needs,
  ),
]);

/** The server is claimed to work asynchronously when it offers an $export. */
function claimsAsynchronous(world: World): boolean {
  return /"name":"export"|\/OperationDefinition\/[A-Za-z-]*export/.test(JSON.stringify(world.capability));
}

export const asynchronous = section('async', 'async.html', [
  may('Prefer: respond-async is answered 202 with Content-Location', async (world) => {
    if (!claimsAsynchronous(world)) {
      skip('optional, and the CapabilityStatement offers no asynchronous operation');
    }
    const answer = await world.get('$export', { prefer: 'respond-async' });
    status(answer, 202);
    const status_ = await world.get(header(answer, 'content-location', /^https?:/));
    check([200, 202].includes(status_.status), `The status address answers ${status_.status}.`);
    await world.send('DELETE', header(answer, 'content-location', /^https?:/));
  }),
  shall('Prefer: respond-async on a plain read does no harm', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    const answer = await world.get(name, { prefer: 'respond-async' });
    check([200, 202].includes(answer.status), `Status ${answer.status}`);
    entriesOf(await submit(world, bundle('batch', [ask('GET', name)]), 'return=representation'), 'batch-response', 1);
  }),
]);
