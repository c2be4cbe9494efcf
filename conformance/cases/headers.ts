/** HEAD, the custom headers, CORS and the status codes that hold for every interaction. */
import { section, shall, should } from '../case.ts';
import { check, header, outcome, refused, rejected, same, skip, status } from '../checks.ts';
import { nameOf, named, patient } from '../samples.ts';

export const head = section('head', 'http.html#head', [
  shall('HEAD on a resource answers with the headers of GET and no body, or 501', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    const [answer, got] = [await world.send('HEAD', name), await world.get(name)];
    status(answer, 200, 501);
    same(answer.bytes.length, 0, 'bytes of the body');
    if (answer.status === 200) {
      for (const field of ['etag', 'last-modified', 'content-type']) {
        same(answer.headers.get(field), got.headers.get(field), field);
      }
    }
  }),
  shall('HEAD on what does not exist answers with the status of GET and no body, or 501', async (world) => {
    const answer = await world.send('HEAD', 'Patient/no-such-patient');
    status(answer, 404, 501);
    same(answer.bytes.length, 0, 'bytes of the body');
  }),
  shall('HEAD on a search, a version, a history and metadata answers as GET does, or 501', async (world) => {
    const made = await world.create(patient(world));
    const name = nameOf(made);
    const version = `${name}/_history/${made['meta'].versionId}`;
    for (const path of [`Patient?_id=${made['id']}`, version, `${name}/_history`, 'metadata']) {
      const answer = await world.send('HEAD', path);
      status(answer, 200, 501);
      same(answer.bytes.length, 0, `bytes of the body of ${path}`);
    }
  }),
]);

export const customHeaders = section('custom-headers', 'http.html#custom', [
  should('X-Request-Id of the client comes back, there or as X-Correlation-Id', async (world) => {
    const id = world.unique();
    const answer = await world.get('metadata', { 'x-request-id': id });
    const back = [answer.headers.get('x-request-id'), answer.headers.get('x-correlation-id')];
    check(back.includes(id), `Neither X-Request-Id nor X-Correlation-Id is ${id}: ${back.join(', ')}`);
  }),
  should('a request without X-Request-Id is given one', async (world) => {
    header(await world.get('metadata'), 'x-request-id', /\S/);
  }),
  should('an error carries X-Request-Id as well', async (world) => {
    const id = world.unique();
    same((await world.get('Nothing/1', { 'x-request-id': id })).headers.get('x-request-id'), id, 'X-Request-Id');
  }),
]);

export const security = section('security', 'http.html#security', [
  should('a browser on another origin may call the server (CORS)', async (world) => {
    const origin = 'https://client.example';
    const answer = await world.send('OPTIONS', 'Patient', {
      anonymous: true,
      headers: {
        origin,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization,if-match',
      },
    });
    check(answer.status < 300, `The preflight request was answered ${answer.status}.`);
    check(
      [origin, '*'].includes(answer.headers.get('access-control-allow-origin') ?? ''),
      'The origin is not allowed.',
    );
    header(answer, 'access-control-allow-methods', /PUT/);
    header(answer, 'access-control-allow-headers', /if-match|\*/i);
  }),
  should('the headers that FHIR uses are exposed to browsers', async (world) => {
    const answer = await world.get('metadata', { origin: 'https://client.example' });
    header(answer, 'access-control-expose-headers', /location/i);
    header(answer, 'access-control-expose-headers', /etag/i);
  }),
]);

export const statusCodes = section('status-codes', 'http.html#Status-Codes', [
  shall('a request without the authorization that the server needs is answered 401 or 403', async (world) => {
    if (world.client.token === undefined) {
      skip('the server is judged without a token');
    }
    const name = nameOf(await world.create(patient(world)));
    for (const [method, path] of [
      ['GET', name],
      ['DELETE', name],
      ['GET', 'Patient'],
      ['GET', '_history'],
    ] as const) {
      status(await world.send(method, path, { anonymous: true }), 401, 403);
    }
    status(await world.get(name), 200);
  }),
  should('a refusal for want of authorization names the scheme in WWW-Authenticate', async (world) => {
    if (world.client.token === undefined) {
      skip('the server is judged without a token');
    }
    const answer = await world.send('GET', 'Patient', { anonymous: true });
    header(answer, 'www-authenticate', /bearer/i);
    outcome(answer);
  }),
  shall('a token that is not of the server is refused', async (world) => {
    if (world.client.token === undefined) {
      skip('the server is judged without a token');
    }
    const headers = { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' };
    status(await world.send('GET', 'Patient', { headers, anonymous: true }), 401, 403);
  }),
  shall('a method that a place does not have is refused', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    rejected(await world.send('POST', name, { body: patient(world) }));
    rejected(await world.send('DELETE', 'metadata'));
    rejected(await world.send('PUT', '', { body: { resourceType: 'Bundle', type: 'batch' } }));
  }),
  should('a method that a place does not have is refused with 405 and Allow', async (world) => {
    const answer = await world.send('DELETE', 'metadata');
    refused(answer, 405);
    header(answer, 'allow', /GET/);
  }),
  should('every failure has an OperationOutcome as its body', async (world) => {
    const { value } = named(world);
    outcome(await world.get(`Patient/${value}`));
    outcome(await world.send('POST', 'Patient', { body: '{' }));
    outcome(await world.get('Patient?no-such-parameter=1', { prefer: 'handling=strict' }));
    outcome(await world.send('PUT', `Patient/${value}`, { body: { resourceType: 'Patient', id: 'other' } }));
  }),
  should('an OperationOutcome says in words what is wrong', async (world) => {
    const issue = (await world.get('Patient/no-such-patient')).json?.issue?.[0] ?? {};
    const text = String(issue.diagnostics ?? issue.details?.text ?? '');
    check(text.length > 10, `The issue has no sentence: ${JSON.stringify(issue)}`);
  }),
]);
