/** Real messages, where they lie beside the checkout: what they become is valid FHIR R4, and no result is lost. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { decodeMessage } from '../../src/hl7v2/charset.ts';
import { readHeader } from '../../src/hl7v2/header.ts';
import { NoMessage, parseMessage, readSegments, type Message } from '../../src/hl7v2/message.ts';
import { translate, translations } from '../../src/translation/messages.ts';

const folder = join(import.meta.dirname, '../../../shared/data/hl7v2');
const here = existsSync(join(folder, 'INDEX.csv'));
if (!here) process.stderr.write('test/translation/samples: skipped, there is no ../shared/data/hl7v2\n');

const settings = { zone: 'Asia/Riyadh', systems: {}, mapped: () => undefined };

function messages(): { path: string; message: Message }[] {
  const [, ...lines] = readFileSync(join(folder, 'INDEX.csv'), 'utf8').trim().split(/\r?\n/);
  return lines.flatMap((line) => {
    const [path = ''] = line.split(',');
    try {
      const { text } = decodeMessage(readFileSync(join(folder, path)));
      return [{ path, message: parseMessage(text.replace(/^[\x0b\s]+/, '').replace(/\x1c\s*$/, '')) }];
    } catch (error) {
      if (error instanceof NoMessage) return [];
      throw error;
    }
  });
}

(here ? describe : describe.skip)('samples', () => {
  const all = here ? messages() : [];

  test('what they become is valid', () => {
    let resources = 0;
    const invalid = all.flatMap(({ path, message }) =>
      translate(message, settings, randomUUID).entries.flatMap(({ resource, change }) => {
        // A part of what is there already.
        if (change) return [];
        resources++;
        const told = Object.fromEntries(Object.entries(resource).filter(([, value]) => value !== null)) as JsonObject;
        const errors = validateResource(told).filter(({ severity }) => severity === 'error');
        return errors.map(({ diagnostics }) => `${path}: ${diagnostics}`);
      }),
    );
    expect(invalid).toEqual([]);
    expect(resources).toBeGreaterThan(5_000);
  });

  test('every OBX with a code and a patient is an Observation or a document', () => {
    const counted = all.filter(({ message }) => {
      const { code, event } = readHeader(message);
      const { problems } = translate(message, settings, randomUUID);
      return (
        /^(ORU|OUL)$/.test(code) &&
        `${code}^${event}` in translations &&
        !problems.some(({ severity = 'E' }) => severity === 'E')
      );
    });
    expect(counted.length).toBeGreaterThan(100);
    for (const { path, message } of counted) {
      const segments = readSegments(message);
      const first = segments.findIndex(({ name }) => name === 'PID');
      const sent = segments.filter(({ name }, i) => name === 'OBX' && i > first);
      const documents = sent.filter((obx) => ['ED', 'RP'].includes(obx.text(2)));
      const { entries } = translate(message, settings, randomUUID);
      const made = entries.filter(
        // A parent is of an earlier message.
        ({ resource, parent }) => resource['resourceType'] === 'Observation' && parent === undefined,
      );
      expect([path, made.length]).toEqual([path, sent.length - documents.length]);
    }
  });
});
