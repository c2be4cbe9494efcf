/**
 * The key-encryption key of an installation without KEY_ENCRYPTION_KEY: a file under DATA_DIR, made once.
 *
 * Whoever loses this file loses every encrypted file and signing key, so it is never written over: the file appears
 * complete under its name by link(2), which fails where another process was faster.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outcomeError } from '../fhir/outcome.ts';

export function keyEncryptionKey(dataDir: string): Buffer {
  const path = join(dataDir, 'key-encryption-key');
  return readKey(path) ?? makeKey(path, dataDir);
}

function readKey(path: string): Buffer | undefined {
  let written: string;
  try {
    written = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw outcomeError('exception', `The key-encryption key ${path} cannot be read (${code}).`);
  }
  const key = Buffer.from(written.trim(), 'base64');
  if (key.length === 32) return key;
  throw outcomeError('exception', `The key-encryption key ${path} is damaged: it must hold 32 bytes in base64.`);
}

function makeKey(path: string, dataDir: string): Buffer {
  // Root keeps the directory passable for the user that runs PostgreSQL below it.
  mkdirSync(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return readKey(path) ?? makeKey(path, dataDir);
}
