/** jest's globalTeardown. */
import { rm } from 'node:fs/promises';
import { state } from './start-server.ts';

export default async function stopServer(): Promise<void> {
  await state.running?.stop();
  if (state.dataDir !== undefined) await rm(state.dataDir, { recursive: true, force: true });
}
