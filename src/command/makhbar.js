#!/usr/bin/env node
/**
 * The `makhbar` command: makes sure that Node 24 runs it, then hands over to main.ts.
 *
 * npm scripts and npx find the Node that npm installed (package `node`); called by its path on a machine with an older
 * Node, this file, which any Node understands, starts itself again with the installed one.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST_MAJOR = 24;
const here = fileURLToPath(import.meta.url);
const root = join(dirname(here), '..', '..');
const installed = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const major = Number(process.versions.node.split('.')[0]);

if (major >= LEAST_MAJOR) {
  // Compiled code of the last start: a second start is about twice as fast.
  nodeModule.enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? join(root, 'node_modules', '.cache', 'makhbar'));
  const { main } = await import('./main.ts');
  await main(process.argv);
} else if (existsSync(installed)) {
  const child = spawn(installed, [here, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
} else {
  process.stderr.write(`makhbar: Node ${LEAST_MAJOR} is needed, this is ${process.versions.node}: run npm ci first.\n`);
  process.exitCode = 1;
}
