/**
 * jest's globalSetup: one real server for all test files, through the same `start` as `npm start`.
 *
 * Runs of only such files as do not use it (test/server.ts) skip it. When it does not start, the files that need it say
 * why; the others run all the same.
 */
import { chmod, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Running } from '../src/start/running.ts';

export const environmentName = 'MAKHBAR_TEST_SERVER';

/** What globalSetup tells the test files. */
export interface TestServer {
  url: string;
  /** Of the HL7 v2 gateway. */
  hl7Port: number;
  astmPort: number;
  databaseUrl: string;
  dataDir: string;
  failure?: string;
}

interface GlobalConfig {
  rootDir: string;
  testPathPatterns: { patterns: string[] };
}

export const state: { running?: Running; dataDir?: string } = ((
  globalThis as { makhbarTest?: { running?: Running; dataDir?: string } }
).makhbarTest ??= {});

export default async function startServer(config: GlobalConfig): Promise<void> {
  // Of every process that a test starts: compiled once, as `makhbar` does for itself.
  process.env['NODE_COMPILE_CACHE'] ??= join(config.rootDir, 'node_modules', '.cache', 'makhbar');
  if (!(await isWanted(config))) return;
  // A run that is cut off must not leave PostgreSQL behind: it ends with `exit`, not with a signal.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
  const dataDir = await mkdtemp(join(tmpdir(), 'makhbar-test-'));
  await chmod(dataDir, 0o711);
  state.dataDir = dataDir;
  process.env[environmentName] = JSON.stringify(await started(dataDir));
}

async function started(dataDir: string): Promise<TestServer> {
  try {
    const { readConfig } = await import('../src/config.ts');
    const { start } = await import('../src/main.ts');
    state.running = await start(
      readConfig({
        ...{ DATA_DIR: dataDir, PORT: '0', HL7_PORT: '0', ASTM_PORT: '0', LOG_LEVEL: 'error' },
        // Peers of interfaces are in the tests themselves.
        INTERFACE_NETWORKS: '127.0.0.1',
      }),
    );
    const { url, hl7Port, astmPort, databaseUrl } = state.running;
    return { url, hl7Port, astmPort, databaseUrl, dataDir };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { url: '', hl7Port: 0, astmPort: 0, databaseUrl: '', dataDir, failure };
  }
}

/** Whether any of the files that will run imports test/server.ts, itself or by what it shares with others. */
async function isWanted({ rootDir, testPathPatterns }: GlobalConfig): Promise<boolean> {
  if (testPathPatterns.patterns.length === 0) return true;
  const asked = testPathPatterns.patterns.map((pattern) => new RegExp(pattern, 'i'));
  const { glob } = await import('node:fs/promises');
  for await (const name of glob('test/**/*.test.ts', { cwd: rootDir })) {
    const path = join(rootDir, name);
    const runs = asked.some((pattern) => pattern.test(path));
    if (runs && (await usesServer(path))) return true;
  }
  return false;
}

async function usesServer(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8');
  if (/from '[./]+\/server\.ts'/.test(text)) return true;
  const shared = [...text.matchAll(/from '(\.\.?\/(?!.*\/src\/)[^']+\.ts)'/g)].map(([, name = '']) =>
    join(dirname(path), name),
  );
  const own = shared.filter((name) => name.includes('/test/'));
  return (await Promise.all(own.map(usesServer))).includes(true);
}
