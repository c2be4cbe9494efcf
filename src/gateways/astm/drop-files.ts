/** Files of a drop folder: which there are, their content, and where they go. */
import { constants, type Stats } from 'node:fs';
import { lstat, open, readdir, rename } from 'node:fs/promises';
import { join, parse } from 'node:path';

export interface Found {
  readonly name: string;
  /** Size, time and inode: another mark is another content. */
  readonly mark: string;
  readonly size: number;
  readonly changed: number;
}

/** What programs call a file that they still write, and what is hidden. */
const unfinished = /^[.~]|\.(tmp|part|partial|filepart|crdownload|swp|lock)$|~$/i;

/** Plain files, those that came first before others. */
export async function filesIn(folder: string, most: number): Promise<Found[]> {
  const found: Found[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() || unfinished.test(entry.name)) continue;
    const stat = await lstat(join(folder, entry.name)).catch(() => undefined);
    if (stat === undefined) continue;
    found.push({ name: entry.name, mark: marked(stat), size: stat.size, changed: stat.mtimeMs });
  }
  return found.toSorted((one, other) => one.changed - other.changed || (one.name < other.name ? -1 : 1)).slice(0, most);
}

function marked({ size, mtimeMs, ino }: Stats): string {
  return `${size} ${mtimeMs} ${ino}`;
}

export async function markOf(path: string): Promise<string> {
  return marked(await lstat(path));
}

/** Not what a link names. */
export async function readPlain(path: string, { from = 0, most }: { from?: number; most: number }): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    const content = Buffer.alloc(Math.min(Math.max(0, size - from), most));
    const { bytesRead } = await file.read(content, 0, content.length, from);
    return content.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

export async function endsLine(path: string, size: number): Promise<boolean> {
  const [last] = await readPlain(path, { from: size - 1, most: 1 });
  return last === 0x0a || last === 0x0d;
}

/** Nothing that lies there already is written over. @returns the new path */
export async function moveTo(folder: string, path: string, at: number): Promise<string> {
  const { name: stem, ext, base } = parse(path);
  const time = new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  for (let nth = 0; ; nth++) {
    const to = join(folder, nth === 0 ? base : `${stem}.${time}${nth === 1 ? '' : `.${nth}`}${ext}`);
    const isThere = await lstat(to).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    await rename(path, to);
    return to;
  }
}
