/**
 * Checks a package of a laboratory by itself. Needs Node 18 or later and nothing else, no network, no Makhbar:
 *
 *   node verify.mjs [--key THUMBPRINT]
 *
 * Sizes and SHA-256 sums of all files, that none is missing and none came in, counts per type and of messages, the signature of the
 * manifest, and the audit log: each seal names the one before, is signed, and its root is that of its events (RFC 6962).
 * With --key, that the signature is of the key whose thumbprint the operator told you by another way.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const own = new Set(['manifest.json', 'manifest.jws', 'key.json', 'verify.mjs', 'index.html']);
const findings = [];

const manifestBytes = readFileSync(join(folder, 'manifest.json'));
const manifest = JSON.parse(manifestBytes.toString('utf8'));

checkSignature();
await checkFiles();
checkCounts();
await checkAudit();

for (const finding of findings) console.log(`FOUND  ${finding}`);
console.log(
  findings.length === 0
    ? `OK     ${manifest.laboratory}, as of ${manifest.moment}: ${manifest.files.length} files, ${total('current')} resources, ${manifest.audit.events} audit events under ${manifest.audit.seals} seals are as they were signed.`
    : `NOT OK ${findings.length} findings.`,
);
process.exitCode = findings.length === 0 ? 0 : 1;

function total(member) {
  return Object.values(manifest.counts).reduce((sum, count) => sum + count[member], 0);
}

function checkSignature() {
  const jwk = JSON.parse(readFileSync(join(folder, 'key.json'), 'utf8'));
  const { crv, kty, x } = jwk;
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  const at = process.argv.indexOf('--key');
  if (at > 0 && process.argv[at + 1] !== thumbprint) {
    findings.push(`The package is signed by the key ${thumbprint}, not by ${process.argv[at + 1]}.`);
  }
  const [header = '', payload, signature = ''] = readFileSync(join(folder, 'manifest.jws'), 'utf8').trim().split('.');
  const signed = Buffer.from(`${header}.${manifestBytes.toString('base64url')}`);
  const key = createPublicKey({ key: { crv, kty, x }, format: 'jwk' });
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  const good = alg === 'EdDSA' && payload === '' && verify(null, signed, key, Buffer.from(signature, 'base64url'));
  if (!good) findings.push('The signature of manifest.json does not fit: it or the manifest was changed.');
  console.log(`key    ${thumbprint}${at > 0 ? '' : '  (compare it with what the operator tells you: --key)'}`);
}

async function checkFiles() {
  const named = new Map(manifest.files.map((file) => [file.path, file]));
  for (const path of allFiles(folder)) {
    if (!named.has(path) && !own.has(path)) findings.push(`${path} is not of the package.`);
  }
  for (const { path, size, sha256, lines, messages } of named.values()) {
    const full = join(folder, ...path.split('/'));
    if (!existsSync(full)) {
      findings.push(`${path} is missing.`);
      continue;
    }
    const found = await measured(full, messages !== undefined);
    if (found.sha256 !== sha256 || found.size !== size)
      findings.push(`${path} was changed: its SHA-256 is ${found.sha256}.`);
    if (lines !== undefined && found.lines !== lines)
      findings.push(`${path} has ${found.lines} lines and not ${lines}.`);
    if (messages !== undefined && found.messages !== messages)
      findings.push(`${path} has ${found.messages} messages and not ${messages}.`);
  }
}

function allFiles(place) {
  return readdirSync(place, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? allFiles(join(place, entry.name))
      : [relative(folder, join(place, entry.name)).split(sep).join('/')],
  );
}

async function measured(path, isBatch) {
  const hash = createHash('sha256');
  let [size, lines, messages] = [0, 0, 0];
  let tail = '';
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(bytes);
    size += bytes.length;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines += 1;
    if (!isBatch) continue;
    // A message of a batch begins after another segment; its beginning may stand across two pieces.
    const text = tail + bytes.toString('latin1');
    messages += text.split('\rMSH|').length - 1;
    tail = text.slice(-4);
  }
  return { sha256: hash.digest('hex'), size, lines, messages };
}

function linesOf(path) {
  return manifest.files.find((file) => file.path === path)?.lines ?? 0;
}

function checkCounts() {
  for (const [type, { current }] of Object.entries(manifest.counts)) {
    const lines = linesOf(`resources/${type}.ndjson`);
    if (lines !== current) findings.push(`${type}: ${lines} in the package, ${current} in the database.`);
  }
  if (!manifest.history) return;
  const versions = linesOf('history/versions.ndjson') + linesOf('history/Binary.ndjson');
  if (versions !== total('versions'))
    findings.push(`${versions} versions in the package, ${total('versions')} in the database.`);
}

function digest(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The root of leaves that come one after the other: a stack of complete subtrees. */
function growingTree() {
  const stack = [];
  const node = (left, right) => digest(Buffer.from([1]), left, right);
  return {
    add(hash) {
      let top = { hash, size: 1 };
      while (stack.at(-1)?.size === top.size) top = { hash: node(stack.pop().hash, top.hash), size: top.size * 2 };
      stack.push(top);
    },
    root: () =>
      stack.length === 0 ? digest('') : stack.map(({ hash }) => hash).reduceRight((right, left) => node(left, right)),
  };
}

/** By line feeds alone: node:readline also ends a line at U+2028, which a text may have in it. */
async function* textLines(path) {
  const full = join(folder, ...path.split('/'));
  if (!existsSync(full)) return;
  let rest = [];
  for await (const bytes of createReadStream(full, { highWaterMark: 1 << 20 })) {
    let from = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
      yield Buffer.concat([...rest, bytes.subarray(from, at)]).toString('utf8');
      rest = [];
      from = at + 1;
    }
    rest.push(bytes.subarray(from));
  }
  const last = Buffer.concat(rest);
  if (last.length > 0) yield last.toString('utf8');
}

async function checkAudit() {
  const keys = new Map();
  for await (const line of textLines('audit/keys.ndjson')) {
    const { key_id: id, public_jwk: jwk } = JSON.parse(line);
    if (jwk.crv === 'Ed25519') keys.set(id, createPublicKey({ key: jwk, format: 'jwk' }));
  }
  const events = textLines('audit/events.ndjson');
  let previous = '0'.repeat(64);
  let number = 0;
  for await (const line of textLines('audit/seals.ndjson')) {
    const stored = JSON.parse(line);
    const seal = JSON.parse(stored.content);
    number += 1;
    const key = keys.get(stored.keyId);
    const signed = Buffer.from(`Makhbar audit seal\n${stored.content}`, 'utf8');
    const good = key !== undefined && verify(null, signed, key, Buffer.from(stored.signature, 'base64'));
    if (!good) findings.push(`Seal ${seal.number} is not signed by a key of the laboratory.`);
    if (seal.number !== number || seal.laboratory !== manifest.laboratory || seal.previous !== previous) {
      findings.push(`Seal ${seal.number} does not follow the one before it.`);
    }
    previous = createHash('sha256').update(stored.content, 'utf8').digest('hex');
    const tree = growingTree();
    for (let count = 0; count < seal.count; count++) {
      const { value, done } = await events.next();
      if (done) break;
      tree.add(leafOf(value));
    }
    if (tree.root().toString('hex') !== seal.root)
      findings.push(`The events under seal ${seal.number} are not those that were sealed.`);
  }
  if (number !== manifest.audit.seals)
    findings.push(`${number} seals in the package, ${manifest.audit.seals} in the manifest.`);
  let open = 0;
  for await (const line of events) {
    if (!line.startsWith('{"removed":')) open += 1;
  }
  console.log(`audit  ${number} seals; ${open} events of the last moments have none yet`);
}

/** `{"removed":"hash"}` stands for an event that a rule of retention took away. */
function leafOf(line) {
  const [, removed] = /^\{"removed":"([0-9a-f]{64})"\}$/.exec(line) ?? [];
  return removed === undefined ? digest('\0', line) : Buffer.from(removed, 'hex');
}
