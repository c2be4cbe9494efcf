/** Tests and panels of the laboratory's catalogue, by what an order names: a canonical with its version, or a code. */
import { outcomeError } from '../../fhir/outcome.ts';
import { typeNumber } from '../../fhir/resource-types.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import { objects, text } from '../../laboratory/terms.ts';
import {
  readContainer,
  readTest,
  type ContainerDefinition,
  type TestDefinition,
} from '../../laboratory/test-definition.ts';
import type { Context } from '../../request.ts';
import { readMany } from '../../store/read.ts';
import { testOf } from './read-once.ts';
import { asServer } from './server-rights.ts';

/** Versions of the tests of one order: far fewer, in practice. */
const most = 1_000;

/** What a code stands for. */
export interface Offered {
  readonly tests: readonly TestDefinition[];
  /** `url|version` of the panel. */
  readonly panel?: string;
}

/** Text that can be a value of a search as it is. */
const plain = /^[^\s,\\$|]+(\|[^\s,\\$|]+)?$/;

/** The tests of canonicals `url|version`; those that are not there are left out. */
export async function testsByCanonical(
  context: Context,
  canonicals: readonly string[],
): Promise<ReadonlyMap<string, TestDefinition>> {
  const urls = [...new Set(canonicals.filter((one) => plain.test(one)).map((one) => one.split('|')[0] ?? ''))];
  if (urls.length === 0) return new Map();
  const found = await findMatches(asServer(context), 'ActivityDefinition', [['url', urls.join()]], most);
  return new Map(found.map(({ text: stored }) => testOf(stored)).map((test) => [test.canonical, test]));
}

/** What `system|code` stand for in the catalogue as it is now; those that it does not have are left out. */
export async function offersOf(context: Context, tokens: readonly string[]): Promise<ReadonlyMap<string, Offered>> {
  const asked = [...new Set(tokens)].filter((token) => plain.test(token));
  if (asked.length === 0) return new Map();
  const criteria = [
    ['identifier', asked.join()],
    ['status', 'active'],
  ] as const;
  const server = asServer(context);
  const tests = await newestByToken(server, 'ActivityDefinition', criteria);
  const panels = await newestByToken(server, 'PlanDefinition', criteria);
  const members = await testsByCanonical(context, [...panels.values()].flatMap(membersOf));
  const offers = new Map<string, Offered>();
  for (const token of asked) {
    const [test, panel] = [tests.get(token), panels.get(token)];
    if (test !== undefined) offers.set(token, { tests: [readTest(test)] });
    else if (panel !== undefined) offers.set(token, offeredBy(panel, members));
  }
  return offers;
}

function offeredBy(panel: JsonObject, members: ReadonlyMap<string, TestDefinition>): Offered {
  const canonical = `${text(panel['url']) ?? ''}|${text(panel['version']) ?? ''}`;
  const tests = membersOf(panel).map((one) => {
    const test = members.get(one);
    if (test !== undefined) return test;
    throw outcomeError(
      'business-rule',
      `The panel ${canonical} names the test ${one}, which the catalogue does not have.`,
    );
  });
  return { tests, panel: canonical };
}

function membersOf(panel: JsonObject): string[] {
  return objects(panel['action']).flatMap(({ definitionCanonical }) => text(definitionCanonical) ?? []);
}

/** Where several versions are active, the one that was written last. */
async function newestByToken(
  context: Context,
  type: string,
  criteria: readonly (readonly [string, string])[],
): Promise<Map<string, JsonObject>> {
  const found = await findMatches(context, type, criteria, most);
  const sorted = found.toSorted((a, b) => a.lastUpdated.localeCompare(b.lastUpdated));
  const byToken = new Map<string, JsonObject>();
  for (const { text: stored } of sorted) {
    const resource = parseStored(stored);
    for (const { system, value } of objects(resource['identifier']))
      byToken.set(`${text(system)}|${text(value)}`, resource);
  }
  return byToken;
}

const containerType = typeNumber('SpecimenDefinition') ?? -1;

/** The containers of tests, by the ids that their definitions name. */
export async function containersOf(
  context: Context,
  tests: readonly Pick<TestDefinition, 'containers'>[],
): Promise<ReadonlyMap<string, ContainerDefinition>> {
  const ids = [...new Set(tests.flatMap(({ containers }) => containers.slice(0, 1)))];
  const found = await readMany(
    context.session,
    ids.map((id) => ({ type: containerType, id })),
  );
  return new Map(
    found.flatMap(({ id, text: stored }) =>
      stored === null ? [] : [[id, readContainer(parseStored(stored))] as const],
    ),
  );
}
