/**
 * What the entries of a Bundle may read together. The answer is put together in memory: 10,000 entries that each ask for
 * a page or a statement of half a megabyte would end the process, for every laboratory on it.
 */
import type { Readable } from 'node:stream';
import { serializeJson } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Answer } from '../request.ts';

/** Characters; as many as a request's body may have by default. */
const mostRead = 64 * 1024 * 1024;

export interface Allowance {
  /** The answer of an entry that reads, as text. @throws OutcomeError `too-costly` where it would be too much. */
  read(serve: () => Promise<Answer>): Promise<Answer>;
}

export function makeAllowance(most = mostRead): Allowance {
  let left = most;
  const spend = (size: number): void => {
    left -= size;
    if (left < 0) {
      throw outcomeError(
        'too-costly',
        `What the entries of one Bundle read may have ${most} characters together; ask for the rest in another.`,
      );
    }
  };
  return {
    read: async (serve) => {
      spend(0);
      const answer = await serve();
      if (answer.raw === undefined) {
        return spent(answer, spend);
      }
      const { raw, ...rest } = answer;
      spend(raw.length ?? 0);
      const bytes = await bytesOf(raw.body);
      return { ...rest, text: isFhir(raw.contentType) ? bytes.toString() : binaryText(raw.contentType, bytes) };
    },
  };
}

function spent(answer: Answer, spend: (size: number) => void): Answer {
  const { resource, ...rest } = answer;
  if (resource?.['resourceType'] === 'OperationOutcome') {
    return answer;
  }
  const text = answer.text ?? (resource && serializeJson(resource));
  spend(text?.length ?? 0);
  return text === undefined ? answer : { ...rest, text };
}

/** A large Binary is streamed; inside a Bundle it is text like the others. */
async function bytesOf(body: Readable | Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of Buffer.isBuffer(body) ? [body] : (body as AsyncIterable<Buffer>)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function isFhir(contentType: string): boolean {
  return contentType.startsWith('application/fhir+json');
}

/** What is no resource, the answer of $graphql for one, is a Binary in a Bundle. */
function binaryText(contentType: string, bytes: Buffer): string {
  return serializeJson({ resourceType: 'Binary', contentType, data: bytes.toString('base64') });
}
