/** A pair of pseudo-terminals that are one line: what is written to one is read from the other. Needs python3. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const program = `
import os, pty, select, sys, tty
ends = [pty.openpty(), pty.openpty()]
for pair in ends:
    for end in pair: tty.setraw(end)
for _, end in ends: print(os.ttyname(end))
sys.stdout.flush()
(one, _), (other, _) = ends
while True:
    ready, _, _ = select.select([one, other, 0], [], [])
    if 0 in ready and not os.read(0, 1): break
    if one in ready: os.write(other, os.read(one, 4096))
    if other in ready: os.write(one, os.read(other, 4096))
`;

export interface Terminals {
  readonly paths: readonly [string, string];
  /** As if the cable was pulled. */
  close(): Promise<void>;
}

/** Why there can be none here; undefined where there can. */
export function noTerminals(): string | undefined {
  if (process.platform === 'win32') return 'Windows has no pseudo-terminals';
  const found = spawnSync('python3', ['-c', 'import pty; pty.openpty()'], { stdio: 'ignore' });
  return found.status === 0 ? undefined : 'there is no python3 that can make pseudo-terminals';
}

export async function terminals(): Promise<Terminals> {
  const child = spawn('python3', ['-c', program], { stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  let text = '';
  while (text.split('\n').length < 3) text += String((await once(child.stdout, 'data'))[0]);
  const [one = '', other = ''] = text.split('\n');
  return {
    paths: [one, other],
    close: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
