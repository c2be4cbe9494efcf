/**
 * Random consents, labels and callers: what a caller whom consents bind is answered equals what an unrestricted one is
 * answered by a laboratory that holds only what the evaluator lets through, on every path of test/access/generate.ts.
 * CONSENT_CALLERS sets how many callers (default 5), CONSENT_SEED which.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { actionsOf } from '../../src/interactions/consent-restriction.ts';
import { ask } from '../access/answer.ts';
import { callerOf, randomCaller, randomPath, type RandomCaller } from '../access/generate.ts';
import { judge, typeOf, type Rule } from '../access/judge.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { store } from '../search/fixture.ts';
import { randomResources } from '../search/generate.ts';
import { cleared, consented } from './evaluator.ts';
import { randomBound, randomConsents } from './generate.ts';
import { confidentiality, put } from './laboratory.ts';

const callers = Number(process.env['CONSENT_CALLERS'] ?? 5);
const seed = Number(process.env['CONSENT_SEED'] ?? 20_260_131);
const pathsEach = 25;

const labelled = ['N', 'R', 'V'] as const;

/** Some are labelled. */
function makeWorld(): JsonObject[] {
  return randomResources(150, seed).map((text, i) => {
    const resource = parseJson(text) as JsonObject;
    const code = labelled[i % 11];
    if (code === undefined) return resource;
    return {
      ...resource,
      meta: { ...(resource['meta'] as JsonObject), security: [confidentiality(code)] },
    } as JsonObject;
  });
}

const sampled: RandomCaller[] = fc
  .sample(fc.tuple(randomCaller(fc.constant('rs')), randomBound, fc.boolean()), { numRuns: callers, seed })
  .map(([caller, bound, wide]) => ({
    // Half of them under nothing else, so that consents and labels decide much.
    scopes: wide ? 'user/*.rs' : caller.scopes,
    about: { ...(wide ? {} : caller.about), ...bound },
  }));

describe.each(['permit', 'deny'] as const)('where no consent decides: %s', (consentDefault) => {
  const world = makeWorld();
  const consents = randomConsents(consentDefault === 'deny' ? 24 : 12, seed) as unknown as JsonObject[];
  const resources = [...world, ...consents];
  let lab: Laboratory;
  let decided = 0;

  beforeAll(async () => {
    lab = await makeLaboratory({ settings: { consentDefault } });
    await store(lab.tenant.id, world);
    await Promise.all(consents.map((consent) => put(lab, consent)));
  });

  const rule: Rule = ({ caller }, resource) => {
    const self = caller.fhirUser?.startsWith('Patient/') === true ? caller.fhirUser : undefined;
    const permitted = actionsOf('r', caller.purposes).every((actions) =>
      consented({ ...caller, actions, otherwise: consentDefault, self }, resource, { consents, resources }),
    );
    return permitted && cleared(caller, resource);
  };

  test.each(sampled.map((caller) => [`${caller.scopes} ${JSON.stringify(caller.about)}`, caller] as const))(
    '%s',
    async (_, random) => {
      const asker = await signIn(lab.tenant, random.scopes, 's', random.about);
      const judged = judge({ caller: callerOf(random), resources }, [rule]);
      const visible = resources.filter((resource) => judged.may('s', resource));
      const unbound = judge({ caller: callerOf(random), resources }, []);
      decided += resources.filter((resource) => unbound.may('s', resource)).length - visible.length;
      const shadow = await makeLaboratory();
      await store(shadow.tenant.id, visible);
      for (const path of fc.sample(randomPath, { numRuns: pathsEach, seed })) {
        if (path.needs.some((type) => !judged.granted('s', type))) continue;
        const [mine, wanted] = await Promise.all([ask(asker, path), ask(shadow, path)]);
        if (mine.status === 403 && path.needs.length === 0) continue;
        expect({ path: path.url, ...mine }).toEqual({ path: path.url, ...wanted });
      }
    },
    60_000,
  );

  test('consents that hide nothing prove little', () => {
    expect(decided / callers).toBeGreaterThan(5);
    expect(world.some((resource) => typeOf(resource) === 'Observation')).toBe(true);
  });
});
