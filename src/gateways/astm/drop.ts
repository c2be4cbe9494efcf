/**
 * A folder into which an analyzer puts files: each is taken once it is complete, and moved to `done` or `failed`.
 *
 * 1. A file is complete when it has not changed for a while: shortly where its last line has ended, longer where it has
 *    not, because a value may be cut there. An empty one is not begun.
 * 2. It is moved to `.taking` first: of several processes one gets it. What a process that died has left there comes back,
 *    and is a repetition then if it was stored. One that was written to meanwhile comes back as well.
 * 3. Only plain files are read, never what a link names: who may write here may not read elsewhere by it.
 * 4. What cannot be stored stays, and is tried again. A refused file has a `.reason.txt` beside it.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endsLine, filesIn, markOf, moveTo, readPlain, type Found } from './drop-files.ts';

export type Became = { readonly kind: 'taken' } | { readonly kind: 'refused'; readonly reason: string };

export interface DropOptions {
  /** Keeps the message of record; fails where it cannot, to be called again. @param name of the file */
  readonly take: (content: Buffer, name: string) => Promise<Became>;
  /** What stays and why, once; a file that was refused. */
  readonly told: (name: string, reason: string) => void;
  readonly now: () => number;
}

/** Milliseconds without a change. */
const quiet = { ended: 3_000, open: 60_000 } as const;
/** Milliseconds after which nobody takes a file any more. */
const left = 600_000;
const mostBytes = 32_000_000;
/** Files of one look at the folder. */
const mostFiles = 1_000;

interface Seen {
  readonly mark: string;
  readonly since: number;
  /** Why it stays, as it was told. */
  readonly reason?: string;
}

export interface Drop {
  /** Looks once; never fails: why it could not is told. */
  look(): Promise<void>;
}

export function dropFolder(folder: string, { take, told, now }: DropOptions): Drop {
  let seen = new Map<string, Seen>();
  let taking = new Map<string, number>();
  const [held, done, failed] = ['.taking', 'done', 'failed'].map((sub) => join(folder, sub)) as [
    string,
    string,
    string,
  ];

  const settle = async ({ name, size, mark }: Found): Promise<void> => {
    const path = await moveTo(held, join(folder, name), now());
    try {
      const became = await takeFrom(path, name, size);
      if ((await markOf(path)) !== mark) throw new Error('It was written to while it was read.');
      const to = await moveTo(became.kind === 'taken' ? done : failed, path, now());
      if (became.kind === 'taken') return;
      await writeFile(`${to}.reason.txt`, `${became.reason}\n`);
      told(name, became.reason);
    } catch (error) {
      await moveTo(folder, path, now());
      throw error;
    }
  };
  const takeFrom = async (path: string, name: string, size: number): Promise<Became> => {
    if (size > mostBytes) return { kind: 'refused', reason: `A file has at most ${mostBytes} bytes.` };
    return take(await readPlain(path, { most: mostBytes }), name);
  };
  const isComplete = async ({ name, size }: Found, waited: number): Promise<boolean> => {
    if (size === 0 || waited < quiet.ended) return false;
    return waited >= quiet.open || endsLine(join(folder, name), size);
  };
  const one = async (found: Found): Promise<Seen> => {
    const known = seen.get(found.name);
    const before: Seen = known?.mark === found.mark ? known : { mark: found.mark, since: now() };
    try {
      if (await isComplete(found, now() - before.since)) await settle(found);
    } catch (error) {
      const { code, message = 'It cannot be read.' } = error as { code?: string; message?: string };
      // Another process has it.
      if (code === 'ENOENT') return before;
      // What the system says names the file, and files are named after patients.
      const reason = code === undefined ? message : `A file cannot be read or moved (${code}).`;
      if (reason !== before.reason) told(found.name, reason);
      return { ...before, reason };
    }
    return before;
  };
  const bringBack = async (): Promise<void> => {
    const since = new Map<string, number>();
    for (const name of await readdir(held)) {
      since.set(name, taking.get(name) ?? now());
      if (now() - (since.get(name) ?? 0) < left) continue;
      // Another process may bring it back as well.
      await moveTo(folder, join(held, name), now()).catch(() => undefined);
    }
    taking = since;
  };
  const look = async (): Promise<void> => {
    for (const sub of [held, done, failed]) await mkdir(sub, { recursive: true });
    await bringBack();
    const after = new Map<string, Seen>();
    for (const found of await filesIn(folder, mostFiles)) after.set(found.name, await one(found));
    seen = after;
  };
  let fault = '';
  return {
    look: async () => {
      try {
        await look();
        fault = '';
      } catch (error) {
        const { message = 'The folder cannot be read.' } = error as { message?: string };
        if (message !== fault) told('', message);
        fault = message;
      }
    },
  };
}
