/** Sign-ins are hard work: however many come at once, the process goes on with what else it has to do. */
import { expect, test } from '@jest/globals';
import { authorizationUrl, makeApp, makeBrowser, makePerson } from '../identity/app.ts';
import { makeLaboratory } from '../server.ts';

test('a flood of sign-ins: what is too much is told to come again and not counted, other laboratories and reads go on', async () => {
  const lab = await makeLaboratory();
  const app = await makeApp(lab);
  const pages = await Promise.all(
    Array.from({ length: 80 }, async () => {
      const browser = makeBrowser();
      return { browser, page: await browser.go(authorizationUrl(app, { scope: 'openid user/Patient.rs' })) };
    }),
  );
  const other = await makeLaboratory();
  const elsewhere = await makeApp(other);
  const person = await makePerson(other.tenant, { roles: ['reception'] });
  const calm = makeBrowser();
  const form = await calm.go(authorizationUrl(elsewhere, { scope: 'openid user/Patient.rs' }));

  let flooding = true;
  const flood = Promise.all(
    pages.map(({ browser, page }, i) =>
      browser.submit(page, [
        ['username', `nobody-${i}`],
        ['password', 'not this one at all'],
      ]),
    ),
  ).finally(() => (flooding = false));
  const signedIn = calm.submit(form, [
    ['username', person.username],
    ['password', person.password],
  ]);
  const reads: number[] = [];
  while (flooding) {
    const begun = performance.now();
    expect((await lab.fetch('Patient')).status).toBe(200);
    reads.push(performance.now() - begun);
  }
  const said = Map.groupBy(await flood, ({ status }) => status);
  // Forty wait at most and at least one is at work (the other may be the other laboratory's); the rest is refused at once.
  expect([...said.keys()].sort((a, b) => a - b)).toEqual([422, 429]);
  expect(said.get(422)?.length).toBeGreaterThanOrEqual(41);
  expect(said.get(429)?.[0]?.headers.get('retry-after')).toBe('5');
  expect((await signedIn).text).toMatch(/name="decision"/);
  process.stderr.write(
    `flood.test.ts: ${reads.length} reads, median ${reads.sort((a, b) => a - b)[reads.length >> 1]?.toFixed(1)} ms, slowest ${reads.at(-1)?.toFixed(0)} ms\n`,
  );
  // One that waited for the flood would take most of a minute here.
  expect(reads.at(-1)).toBeLessThan(40_000);
}, 120_000);
