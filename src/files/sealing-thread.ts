/** The thread of sealing-apart.ts: seals what it is told to, from shared memory to shared memory. */
import { parentPort } from 'node:worker_threads';
import { sealSegments } from './segments.ts';
import type { Asked, Told } from './sealing-apart.ts';

parentPort?.on('message', ({ id, plain, sealed, length, ...how }: Asked) => {
  const told: Told = { id, length: sealSegments(Buffer.from(plain, 0, length), Buffer.from(sealed), how) };
  parentPort?.postMessage(told);
});
