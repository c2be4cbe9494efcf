#!/usr/bin/env node
/**
 * Checks a proof that an event is in the audit log of a laboratory as it was sealed, without any server:
 *
 *   node verify-proof.js proof.json [--event event.json] [--key key.json] [--seal hash]
 *
 * proof.json is the answer of AuditEvent/[id]/$proof. --event: the AuditEvent as it was read; --key: the public key of the
 * laboratory (JWK) as it was published; --seal: SHA-256 of the seal's text as it was published. Without them only the proof
 * itself is checked: whoever made it could have made the key with it.
 *
 * Hashes: RFC 6962 §2.1 (leaf 0x00, node 0x01, SHA-256) over the event in canonical form (RFC 8785). The root is in the
 * seal, the seal is signed with Ed25519. Exit code 0 where all holds, 1 with a sentence where not.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail(`${file} cannot be read as JSON: ${error.message}`);
  }
}

function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** RFC 8785: members sorted by their UTF-16 code units, no white space; numbers and texts as JSON.stringify writes them. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(',')}}`;
}

/** The Parameters of $proof as plain members. */
function readProof(file) {
  const { parameter = [] } = readJson(file);
  const of = (list, name) => {
    const found = list.find((one) => one.name === name) ?? fail(`${file} has no parameter "${name}".`);
    return found[Object.keys(found).find((member) => member.startsWith('value'))];
  };
  return {
    event: of(parameter, 'event'),
    seal: of(parameter, 'seal'),
    signature: Buffer.from(of(parameter, 'signature'), 'base64'),
    key: JSON.parse(of(parameter, 'key')),
    beside: parameter
      .filter(({ name }) => name === 'beside')
      .map(({ part }) => ({ side: of(part, 'side'), hash: Buffer.from(of(part, 'hash'), 'hex') })),
  };
}

/** The root that an event leads to. */
function rootOf({ event, beside }) {
  return beside.reduce(
    (hash, { side, hash: other }) =>
      side === 'left' ? sha256(Buffer.of(1), other, hash) : sha256(Buffer.of(1), hash, other),
    sha256(Buffer.of(0), event),
  );
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { event: { type: 'string' }, key: { type: 'string' }, seal: { type: 'string' } },
});
if (positionals.length !== 1) {
  fail('Usage: node verify-proof.js proof.json [--event event.json] [--key key.json] [--seal hash]');
}

const proof = readProof(positionals[0]);
if (canonical(JSON.parse(proof.event)) !== proof.event) fail('The event of the proof is not in canonical form.');
if (values.event !== undefined && canonical(readJson(values.event)) !== proof.event) {
  fail('The event is another than that of the proof.');
}
const seal = JSON.parse(proof.seal);
if (rootOf(proof).toString('hex') !== seal.root) fail('The event does not lead to the root of the seal.');
const key = values.key === undefined ? proof.key : readJson(values.key);
const signed = Buffer.from(`Makhbar audit seal\n${proof.seal}`, 'utf8');
if (!verify(null, signed, createPublicKey({ key, format: 'jwk' }), proof.signature)) {
  fail('The seal is not signed with this key.');
}
if (values.seal !== undefined && sha256(proof.seal).toString('hex') !== values.seal) {
  fail('The seal is another than the one that was published.');
}
const { id, recorded } = JSON.parse(proof.event);
process.stdout.write(
  `AuditEvent/${id} of ${recorded} is one of the ${seal.count} events under seal ${seal.number} of ${seal.laboratory}, made ${seal.sealed}.\n`,
);
