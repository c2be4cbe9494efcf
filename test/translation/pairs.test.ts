/**
 * Real messages with what another project makes of them, where they lie beside the checkout: how many of the facts
 * expected there ours have too. The other translation is a witness, not the rule; the rule is the v2-to-FHIR guide.
 *
 * What differs, and why ours stays as it is:
 *
 *   message without PID(-3), an order or its number   refused with AE: it could not be found again, nothing is guessed
 *   performer, location, device as resources         ours are a text or an identifier in the reference
 *   requester as PractitionerRole with Organization  ours is the Practitioner; OBX-23, ORC-21 are texts
 *   OBX-8 in the system v2-0078                      ours is v3-ObservationInterpretation, as the guide has it
 *   local codes in a made-up system                  ours is the sender's own system, marked for mapping
 *   displays that the message does not have          ours are those of the message
 *   PV1-18, PV2, GT1, IN1, PR1 and their like        not taken: no resource of a laboratory
 *   ServiceRequest.status unknown                    ours is of ORC-1 and ORC-5, else active
 *   OBX of ED as its own resource                    ours is DiagnosticReport.presentedForm
 *   times without a zone left out                    ours are in the zone of the interface
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { decodeMessage } from '../../src/hl7v2/charset.ts';
import { readHeader } from '../../src/hl7v2/header.ts';
import { NoMessage, parseMessage, type Message } from '../../src/hl7v2/message.ts';
import { translate, translations } from '../../src/translation/messages.ts';
import { factsOf, missing } from './facts.ts';

const folder = join(import.meta.dirname, '../../../shared/data/hl7v2');
const here = existsSync(join(folder, 'PAIRS.csv'));
if (!here) process.stderr.write('test/translation/pairs: skipped, there is no ../shared/data/hl7v2\n');

const settings = { zone: 'UTC', systems: {}, mapped: () => undefined };

interface Score {
  messages: number;
  refused: number;
  expected: number;
  told: number;
}

/** By the project that expects them; `refused` counts messages that get AE, whose facts are not counted. */
function scores(): Map<string, Score> {
  const found = new Map<string, Score>();
  const [, ...lines] = readFileSync(join(folder, 'PAIRS.csv'), 'utf8').trim().split(/\r?\n/);
  for (const line of lines) {
    const [origin = '', input = '', expected = ''] = line.split(',');
    const message = read(input);
    if (message === undefined) continue;
    const { code, event } = readHeader(message);
    if (!(`${code}^${event}` in translations)) continue;
    const score = found.get(origin) ?? { messages: 0, refused: 0, expected: 0, told: 0 };
    found.set(origin, score);
    score.messages++;
    const { entries, problems } = translate(message, settings, randomUUID);
    if (problems.some(({ severity = 'E' }) => severity === 'E')) {
      score.refused++;
      continue;
    }
    const bundle = JSON.parse(readFileSync(join(folder, expected), 'utf8')) as { entry: Entry[] };
    const facts = factsOf(bundle.entry);
    score.expected += facts.length;
    score.told += facts.length - missing(facts, factsOf(entries)).length;
  }
  return found;
}

interface Entry {
  readonly fullUrl: string;
  readonly resource: JsonObject;
}

function read(path: string): Message | undefined {
  try {
    const { text } = decodeMessage(readFileSync(join(folder, path)));
    return parseMessage(text.replace(/^[\x0b\s]+/, '').replace(/\x1c\s*$/, ''));
  } catch (error) {
    if (error instanceof NoMessage) return undefined;
    throw error;
  }
}

(here ? describe : describe.skip)('what others make of the same messages', () => {
  const found = here ? scores() : new Map<string, Score>();

  test.each<[string, number, number]>([
    ['reportstream', 72.5, 0],
    ['reportstream mappinginventory', 42, 111],
    ['microsoft', 43.5, 3],
  ])('%s: at least %f %% of the facts, at most %d messages refused', (origin, least, most) => {
    const { messages, refused, expected, told } = found.get(origin) as Score;
    const share = (100 * told) / expected;
    process.stderr.write(
      `test/translation/pairs: ${origin}: ${told} of ${expected} facts (${share.toFixed(1)} %) in ` +
        `${messages - refused} of ${messages} messages\n`,
    );
    expect(share).toBeGreaterThanOrEqual(least);
    expect(refused).toBeLessThanOrEqual(most);
  });
});
