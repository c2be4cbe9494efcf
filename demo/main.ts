/** `npm run demo`: a laboratory's day, told while it happens; exit code 1 where something is not as it must be. */
import { mkdir } from 'node:fs/promises';
import { runDay } from './day.ts';
import { temporary } from './world.ts';

const started = performance.now();
const folder = process.argv[2] ?? (await temporary('documents'));
await mkdir(folder, { recursive: true });

const seconds = (): string => ((performance.now() - started) / 1_000).toFixed(0).padStart(3);

await runDay({
  folder,
  begin: (title) => console.log(`\n${seconds()} s  ${title}`),
  tell: (sentence, ...links) => {
    console.log(`       ${sentence}`);
    for (const link of links) console.log(`         → ${link}`);
  },
});
console.log(`\n${seconds()} s  All of it was checked. The documents are in ${folder}`);
