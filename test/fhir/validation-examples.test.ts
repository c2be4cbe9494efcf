/**
 * The examples of the FHIR R4 specification must be valid. They are not part of the repository; without them the test
 * says that it is skipped.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type JsonObject, parseJson } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';

const archive = path.resolve(import.meta.dirname, '../../../shared/data/r4-examples.tar.gz');

/** Examples that break the specification they illustrate. */
const wrong: Readonly<Record<string, { expression: string; reason: string }>> = {
  'DeviceMetric-example.json': {
    expression: 'DeviceMetric.parent.reference',
    reason: 'points at a DeviceDefinition where only Device is allowed',
  },
  'DeviceUseStatement-example.json': {
    expression: 'DeviceUseStatement.reasonReference[0].reference',
    reason:
      'points at a Procedure where Condition, Observation, DiagnosticReport, DocumentReference, Media are allowed',
  },
  'EventDefinition-example.json': {
    expression: 'EventDefinition.text.div',
    reason: 'has an empty narrative (txt-2)',
  },
};

function tar(...options: string[]): string {
  return execFileSync('tar', options, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

describe('examples of the specification', () => {
  if (!existsSync(archive)) {
    test.skip('skipped: the archive of examples is not at hand', () => {});
    return;
  }
  const names = tar('tzf', archive).trim().split('\n');

  test('there are examples of most resource types', () => expect(names.length).toBeGreaterThan(190));

  test('all are valid but those known to be wrong', () => {
    const errors = names.flatMap((name) => {
      const resource = parseJson(tar('xzOf', archive, name)) as JsonObject;
      const found = validateResource(resource).filter((issue) => issue.severity === 'error');
      return found.map((issue) => [name, issue.expression?.[0]]);
    });
    expect(errors).toEqual(Object.entries(wrong).map(([name, { expression }]) => [name, expression]));
  }, 60_000);
});
