/** The samples that lie beside the checkout (../shared/data/astm; INDEX.csv says what each holds). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { control } from '../../src/astm/frame.ts';

const { ENQ, EOT } = control;
const folder = join(import.meta.dirname, '../../../shared/data/astm');
export const here = existsSync(folder);
if (!here) process.stderr.write('Tests over samples of analyzers skipped: there is no ../shared/data/astm\n');

export interface Sample {
  readonly path: string;
  readonly bytes: Buffer;
  readonly framed: boolean;
  readonly frames: number;
  /** Frames with a checksum that is right. */
  readonly right: number;
  readonly records: string;
}

export const samples: readonly Sample[] = here
  ? readFileSync(join(folder, 'INDEX.csv'), 'utf8')
      .split('\n')
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => {
        const [path = '', kind, frames, right, , , records = ''] = line.split(',');
        const bytes = readFileSync(join(folder, path));
        return { path, bytes, framed: kind === 'framed', frames: Number(frames), right: Number(right), records };
      })
  : [];

/** Recordings of an analyzer that sends: those of logs are of the other side. */
export const sent = samples.filter(({ framed, path }) => framed && !path.endsWith('.log'));

/** A recording as an analyzer sends it: some leave out where it began and ended. */
export function whole({ bytes }: Sample): Buffer {
  const parts = [bytes[0] === ENQ ? [] : [ENQ], bytes, bytes.includes(EOT) ? [] : [EOT]];
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

export function framesIn(bytes: Buffer): Buffer[] {
  const text = bytes.toString('latin1');
  return [...text.matchAll(/\x02[^\x02\x03\x17]*[\x03\x17](?:[0-9A-F]{2}|(?=\r))/g)].map(([one]) =>
    Buffer.from(one, 'latin1'),
  );
}
