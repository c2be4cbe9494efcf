/**
 * A folder into which an analyzer puts files: each is taken once it is complete, and moved to `done` or `failed`.
 *
 * 1. A file is complete when it has not changed for a while: shortly where its last line has ended, longer where it has
 *    not, because a value may be cut there. An empty one is not begun.
 * 2. It is moved after it was stored. When the process dies between the two it is taken again, and is a repetition then.
 * 3. Only plain files are read, never what a link names: who may write here may not read elsewhere by it.
 * 4. What cannot be stored stays, and is tried again. A refused file has a `.reason.txt` beside it.
 */
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';

export type Became = { readonly kind: 'taken' } | { readonly kind: 'refused'; readonly reason: string };

export interface DropOptions {
  /** Keeps the message of record; fails where it cannot, to be called again. @param name of the file */
  readonly take: (content: Buffer, name: string) => Promise<Became>;
  /** What stays and why; a file that was refused. */
  readonly told: (name: string, reason: string) => void;
  readonly now: () => number;
}

/** Milliseconds without a change. */
const quiet = { ended: 3_000, open: 60_000 } as const;
const mostBytes = 32_000_000;
/** Files of one look at the folder: those that came first. */
const mostFiles = 1_000;
/** What programs call a file that they still write, and what is hidden. */
const unfinished = /^[.~]|\.(tmp|part|partial|filepart|crdownload|swp|lock)$|~$/i;

interface Seen {
  /** Size, time and inode. */
  readonly mark: string;
  readonly since: number;
  /** Stored already, and still to be moved. */
  readonly became?: Became;
}

interface Found {
  readonly name: string;
  readonly mark: string;
  readonly size: number;
  readonly changed: number;
}

export interface Drop {
  /** Looks once. */
  look(): Promise<void>;
}

export function dropFolder(folder: string, { take, told, now }: DropOptions): Drop {
  let seen = new Map<string, Seen>();

  const settle = async ({ name, size, mark }: Found, before: Seen): Promise<Seen> => {
    const became = before.became ?? (await taken(name, size));
    // Written to while it was read: it is another file now, and taken again.
    if ((await markOf(join(folder, name))) !== mark) return before;
    try {
      await move(folder, name, became, now());
    } catch (error) {
      told(name, `It is stored, and cannot be moved: ${messageOf(error)}`);
    }
    return { ...before, became };
  };
  const taken = async (name: string, size: number): Promise<Became> => {
    if (size > mostBytes) return refused(name, `A file has at most ${mostBytes} bytes.`);
    const became = await take(await readPlain(join(folder, name)), name);
    return became.kind === 'refused' ? refused(name, became.reason) : became;
  };
  const refused = (name: string, reason: string): Became => {
    told(name, reason);
    return { kind: 'refused', reason };
  };
  const one = async (found: Found): Promise<Seen> => {
    const known = seen.get(found.name);
    const before: Seen = known?.mark === found.mark ? known : { mark: found.mark, since: now() };
    const waited = now() - before.since;
    if (found.size === 0 || (before.became === undefined && waited < quiet.ended)) return before;
    try {
      const isReady =
        before.became !== undefined || waited >= quiet.open || (await endsLine(join(folder, found.name), found.size));
      return isReady ? await settle(found, before) : before;
    } catch (error) {
      told(found.name, messageOf(error));
      return before;
    }
  };
  return {
    look: async () => {
      for (const sub of ['done', 'failed']) await mkdir(join(folder, sub), { recursive: true });
      const after = new Map<string, Seen>();
      for (const found of await filesIn(folder)) after.set(found.name, await one(found));
      seen = after;
    },
  };
}

/** Those that came first. */
async function filesIn(folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() || unfinished.test(entry.name)) continue;
    const stat = await lstat(join(folder, entry.name)).catch(() => undefined);
    if (stat === undefined) continue;
    found.push({ name: entry.name, mark: marked(stat), size: stat.size, changed: stat.mtimeMs });
  }
  return found
    .toSorted((one, other) => one.changed - other.changed || (one.name < other.name ? -1 : 1))
    .slice(0, mostFiles);
}

function marked({ size, mtimeMs, ino }: Stats): string {
  return `${size} ${mtimeMs} ${ino}`;
}

async function markOf(path: string): Promise<string> {
  return marked(await lstat(path));
}

async function readPlain(path: string, from = 0): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    const content = Buffer.alloc(Math.max(0, Math.min(size, mostBytes) - from));
    const { bytesRead } = await file.read(content, 0, content.length, from);
    return content.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function endsLine(path: string, size: number): Promise<boolean> {
  const [last] = await readPlain(path, size - 1);
  return last === 0x0a || last === 0x0d;
}

async function move(folder: string, name: string, became: Became, at: number): Promise<void> {
  const to = await freeName(join(folder, became.kind === 'taken' ? 'done' : 'failed'), name, at);
  if (became.kind === 'refused') await writeFile(`${to}.reason.txt`, `${became.reason}\n`);
  await rename(join(folder, name), to);
}

/** Nothing that lies there already is written over. */
async function freeName(folder: string, name: string, at: number): Promise<string> {
  const { name: stem, ext } = parse(name);
  const time = new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  for (let nth = 0; ; nth++) {
    const tried = nth === 0 ? name : `${stem}.${time}${nth === 1 ? '' : `.${nth}`}${ext}`;
    const isThere = await lstat(join(folder, tried)).then(
      () => true,
      () => false,
    );
    if (!isThere) return join(folder, tried);
  }
}

function messageOf(error: unknown): string {
  return (error as { message?: string }).message ?? 'It cannot be read.';
}
