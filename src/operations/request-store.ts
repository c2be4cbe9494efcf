/** Keeping what a person is given: a Binary of its own, written while it is made, noted at once as one that is to be deleted. */
import { finished } from 'node:stream/promises';
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import { noteEvidence } from '../store/evidence.ts';
import { streamed, type Send } from './streamed.ts';

export interface Keeping {
  readonly context: Context;
  /** Whoever reads this reads the file. */
  readonly document: string;
  readonly until: Date;
}

/** Gives `Binary/…`. */
export async function keepEvidence(
  { context, document, until }: Keeping,
  contentType: string,
  work: (send: Send) => Promise<void>,
): Promise<string> {
  const stream = streamed(work);
  try {
    const answer = await context.door.serve(context, {
      method: 'POST',
      segments: ['Binary'],
      query: [],
      headers: { 'x-security-context': document, 'content-type': contentType, prefer: 'return=minimal' },
      body: {
        contentType,
        read: () => Promise.reject(outcomeError('not-supported', 'This content is streamed.')),
        stream: () => stream,
      },
    });
    const id = /\/Binary\/([^/]+)/.exec(answer.headers?.['location'] ?? '')?.[1];
    if (id === undefined) throw new Error('A new Binary has no address.');
    await noteEvidence(context.session, id, until);
    return `Binary/${id}`;
  } finally {
    stream.destroy();
    await finished(stream).catch(() => undefined);
  }
}
