/** The search interaction; what the parameters mean is the matter of search.html, not of this suite. */
import { section, shall, should } from '../case.ts';
import { check, header, refused, rejected, same, status } from '../checks.ts';
import type { Answer } from '../client.ts';
import { content, nameOf, named, observation, patient } from '../samples.ts';
import type { Resource, World } from '../world.ts';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

function matches(answer: Answer): Resource[] {
  status(answer, 200);
  same([answer.json.resourceType, answer.json.type], ['Bundle', 'searchset'], 'type of the answer');
  const entries: Resource[] = answer.json.entry ?? [];
  return entries.filter((entry) => entry['search']?.mode !== 'include' && entry['search']?.mode !== 'outcome');
}

function idsOf(answer: Answer): string[] {
  return sorted(matches(answer).map((entry) => entry['resource'].id));
}

function sorted(ids: string[]): string[] {
  return ids.toSorted((a, b) => (a < b ? -1 : 1));
}

/** Three patients that share an identifier. */
async function three(world: World): Promise<{ token: string; ids: string[] }> {
  const name = named(world);
  const ids: string[] = [];
  for (const family of ['A', 'B', 'C']) {
    ids.push((await world.create(patient(world, { identifier: [name.identifier], name: [{ family }] })))['id']);
  }
  return { token: name.token, ids: sorted(ids) };
}

export const search = section('search', 'http.html#search', [
  shall('a search by GET returns a searchset Bundle with the matches', async (world) => {
    const { token, ids } = await three(world);
    same(idsOf(await world.get(`Patient?identifier=${token}`)), ids, 'ids found');
  }),
  shall('a search without matches succeeds with no entries', async (world) => {
    same(idsOf(await world.get(`Patient?identifier=${named(world).token}`)), [], 'ids found');
  }),
  shall('POST [type]/_search with a form has the same semantics as GET', async (world) => {
    const { token, ids } = await three(world);
    const answer = await world.send('POST', 'Patient/_search', { body: `identifier=${token}`, headers: form });
    same(idsOf(answer), ids, 'ids found');
  }),
  shall('POST [type]/_search takes parameters from the URL and the body', async (world) => {
    const { token, ids } = await three(world);
    const answer = await world.send('POST', `Patient/_search?_id=${ids[0]}`, {
      body: `identifier=${token}`,
      headers: form,
    });
    same(idsOf(answer), [ids[0]], 'ids found');
  }),
  shall('each entry has its resource as a read gives it, and a fullUrl that leads there', async (world) => {
    const { token } = await three(world);
    for (const entry of matches(await world.get(`Patient?identifier=${token}`))) {
      const read = await world.get(entry['fullUrl']);
      status(read, 200);
      same(content(read.json), content(entry['resource']), 'the resource');
    }
  }),
  shall('a self link says what was searched', async (world) => {
    const { token, ids } = await three(world);
    const answer = await world.get(`Patient?identifier=${token}`);
    const self = answer.json.link?.find((link: { relation: string }) => link.relation === 'self')?.url;
    check(typeof self === 'string', 'There is no self link.');
    same(idsOf(await world.get(self)), ids, 'ids found by the self link');
  }),
  shall('a search that cannot be executed is answered 4xx with an OperationOutcome', async (world) => {
    rejected(await world.get('Patient?birthdate=not-a-date'));
    rejected(await world.get('Nothing?_id=1'));
  }),
  should('with Prefer: handling=strict an unknown parameter is refused', async (world) => {
    refused(await world.get('Patient?no-such-parameter=1', { prefer: 'handling=strict' }), 400);
  }),
  should('with Prefer: handling=lenient an unknown parameter is left out, and of the self link too', async (world) => {
    const { token, ids } = await three(world);
    const answer = await world.get(`Patient?identifier=${token}&no-such-parameter=1`, { prefer: 'handling=lenient' });
    same(idsOf(answer), ids, 'ids found');
    const self = answer.json.link?.find((link: { relation: string }) => link.relation === 'self')?.url ?? '';
    check(!self.includes('no-such-parameter'), `The self link claims the parameter: ${self}`);
  }),
]);

export const variantSearches = section('variant-searches', 'http.html#vsearch', [
  shall(
    'GET [base]?_type=A,B searches both types',
    async (world) => {
      const made = await world.create(patient(world));
      const seen = await world.create(observation(world, nameOf(made)));
      const answer = await world.get(`?_type=Patient,Observation&_id=${made['id']},${seen['id']}`);
      same(idsOf(answer), sorted([made['id'], seen['id']]), 'ids found');
    },
    { interaction: 'search-system' },
  ),
  shall(
    'POST [base]/_search with a form searches all types',
    async (world) => {
      const made = await world.create(patient(world));
      const body = `_type=Patient,Observation&_id=${made['id']}`;
      same(idsOf(await world.send('POST', '_search', { body, headers: form })), [made['id']], 'ids found');
    },
    { interaction: 'search-system' },
  ),
  should(
    'a parameter that not all the types have is refused with 400',
    async (world) => {
      const headers = { prefer: 'handling=strict' };
      status(await world.get('?_type=Patient,Observation&birthdate=1980', headers), 400);
    },
    { interaction: 'search-system' },
  ),
  shall(
    'GET [base]/Patient/[id]/[type] searches the compartment',
    async (world) => {
      const [mine, other] = [await world.create(patient(world)), await world.create(patient(world))];
      const seen = await world.create(observation(world, nameOf(mine)));
      await world.create(observation(world, nameOf(other)));
      same(idsOf(await world.get(`${nameOf(mine)}/Observation`)), [seen['id']], 'ids found');
      same(idsOf(await world.get(`${nameOf(mine)}/Observation?status=cancelled`)), [], 'ids found');
    },
    { type: 'Observation', interaction: 'search-type' },
  ),
]);

export const paging = section('paging', 'http.html#paging', [
  shall('next links lead through all matches once, none twice, with at most _count on a page', async (world) => {
    const { token, ids } = await three(world);
    const found: string[] = [];
    let url: string | undefined = `Patient?identifier=${token}&_count=1`;
    while (url !== undefined && found.length <= ids.length) {
      const answer: Answer = await world.get(url);
      const page = idsOf(answer);
      check(page.length <= 1, `A page of _count=1 has ${page.length} matches.`);
      found.push(...page);
      url = answer.json.link?.find((link: { relation: string }) => link.relation === 'next')?.url;
    }
    same(sorted(found), ids, 'ids on all pages');
  }),
  shall('Bundle.total, where given, is the number of matches on all pages', async (world) => {
    const { token, ids } = await three(world);
    const { json: body } = await world.get(`Patient?identifier=${token}&_count=1&_total=accurate`);
    same(body.total ?? ids.length, ids.length, 'Bundle.total');
  }),
  should('a history is paged in the same way', async (world) => {
    const made = await world.create(patient(world));
    for (const gender of ['male', 'other', 'female']) {
      await world.send('PUT', nameOf(made), { body: { ...made, gender } });
    }
    const versions: string[] = [];
    let url: string | undefined = `${nameOf(made)}/_history?_count=2`;
    while (url !== undefined && versions.length <= 4) {
      const answer: Answer = await world.get(url);
      status(answer, 200);
      versions.push(...answer.json.entry.map((entry: Resource) => entry['resource'].meta.versionId));
      url = answer.json.link?.find((link: { relation: string }) => link.relation === 'next')?.url;
    }
    same(new Set(versions).size, 4, 'different versions on all pages');
    same(versions.length, 4, 'versions on all pages');
  }),
  shall('a page address that the server did not give is refused', async (world) => {
    const { token } = await three(world);
    const answer = await world.get(`Patient?identifier=${token}&_count=1`);
    const next = answer.json.link?.find((link: { relation: string }) => link.relation === 'next')?.url;
    check(next !== undefined, 'There is no next link.');
    header(answer, 'content-type', /fhir/);
    const broken = await world.get(next.replace(/([?&][^=&]*(?:cursor|page|state|getpages)[^=&]*=)[^&]*/i, '$1forged'));
    check(broken.status < 500, `Status ${broken.status}`);
  }),
]);
