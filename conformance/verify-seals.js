#!/usr/bin/env node
/**
 * Checks a file to which the seals of an audit log were published, without any server:
 *
 *   node verify-seals.js seals.jsonl [--key key.json] [--proof proof.json]
 *
 * Each seal must be signed with a key of the file and name the hash of the seal before it. --key: the public key of the
 * laboratory (JWK) as it is known from elsewhere, which must then have signed all of them; --proof: the answer of
 * AuditEvent/[id]/$proof, whose seal must be one of the file (verify-proof.js checks the proof itself).
 *
 * A line that was cut when a process ended is no JSON and is passed over: the seal follows it again. Exit code 0 where all
 * holds, 1 with a sentence where not.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail(`${file} cannot be read as JSON: ${error.message}`);
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { key: { type: 'string' }, proof: { type: 'string' } },
});
if (positionals.length !== 1) fail('Usage: node verify-seals.js seals.jsonl [--key key.json] [--proof proof.json]');

const known = values.key === undefined ? undefined : createPublicKey({ key: readJson(values.key), format: 'jwk' });
const wanted =
  values.proof === undefined
    ? undefined
    : readJson(values.proof).parameter.find(({ name }) => name === 'seal')?.valueString;

const keys = new Map();
let last;
let first;
let count = 0;
let cut = 0;
let found = false;

function checkSeal({ seal: content, signature, key: id, hash: named }) {
  const seal = parsed(content);
  const hash = createHash('sha256').update(content, 'utf8').digest('hex');
  if (seal === undefined || hash !== named) fail('A seal has another hash than its line says.');
  // After a crash the last one may come again.
  if (last?.hash === hash) return;
  const key = known ?? keys.get(id);
  if (key === undefined) fail(`Seal ${seal.number} is signed with a key that does not stand before it.`);
  if (!verify(null, Buffer.from(`Makhbar audit seal\n${content}`, 'utf8'), key, Buffer.from(signature, 'base64'))) {
    fail(`Seal ${seal.number} is not signed with its key.`);
  }
  if (last !== undefined) {
    const { number, laboratory } = last.seal;
    if (seal.laboratory !== laboratory) fail(`Seal ${seal.number} is of another laboratory: ${seal.laboratory}.`);
    if (seal.number !== number + 1 || seal.previous !== last.hash) {
      fail(`Seal ${seal.number} does not follow seal ${number}.`);
    }
  } else if (seal.number === 1 && !/^0{64}$/.test(seal.previous)) {
    fail('Seal 1 names a seal before it.');
  }
  if (seal.continues !== undefined) process.stdout.write(`Seal ${seal.number} continues: ${seal.continues}.\n`);
  if (content === wanted) found = true;
  last = { seal, hash };
  first ??= seal;
  count += 1;
}

try {
  for await (const text of createInterface({ input: createReadStream(positionals[0], 'utf8'), crlfDelay: Infinity })) {
    const line = parsed(text);
    if (line === undefined) cut += 1;
    else if (line.jwk !== undefined) keys.set(line.key, createPublicKey({ key: line.jwk, format: 'jwk' }));
    else checkSeal(line);
  }
} catch (error) {
  fail(`${positionals[0]} cannot be read: ${error.message}`);
}
if (last === undefined) fail('The file has no seal.');
if (wanted !== undefined && !found) fail('The seal of the proof is none of the file.');
process.stdout.write(
  `${count} seals of ${last.seal.laboratory}, ${first.number} to ${last.seal.number}, follow one another and are signed; ` +
    `the last is ${last.hash}, made ${last.seal.sealed}.${cut === 0 ? '' : ` Lines that were cut: ${cut}.`}\n`,
);
