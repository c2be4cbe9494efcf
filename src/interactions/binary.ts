/**
 * Binary: the interactions whose bodies and answers are raw bytes. https://hl7.org/fhir/R4/binary.html
 *
 * 1. The stored resource has no data; a file of its own holds the content of each version (table binary_file).
 * 2. The file is durable before the row is written, so what was acknowledged is never missing its content.
 * 3. Every interaction asks the security context first (binary-security.ts).
 * Data that comes inside a Bundle, under a condition or by a patch stays in the resource, sealed (binary-sealed.ts).
 */
import { newId } from './new-id.ts';
import type { Interaction } from '../access/needs.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Answer, Context } from '../request.ts';
import { addBinaryFile, type BinaryFile } from '../store/binary-files.ts';
import type { Stored } from '../store/read.ts';
import type { Expectation } from '../store/write.ts';
import { plainAccessOf } from './access.ts';
import { writeAnswer, type WriteResult } from './answers.ts';
import { binaryAnswer } from './binary-answer.ts';
import { binaryContent, type BinaryContent } from './binary-content.ts';
import { withFile } from './binary-files.ts';
import { checkNewSecurityContext, checkSecurityContext } from './binary-security.ts';
import type { Call, Handler } from './call.ts';
import { commit, inTransaction, untilWritten } from './commit.ts';
import { create } from './create.ts';
import { parseStored } from './document.ts';
import { allowParameters, type Demand } from './headers.ts';
import { patch } from './patch.ts';
import { prepare, writeResult, type Prepared } from './prepare.ts';
import { existing } from './read.ts';
import { remove } from './remove.ts';
import { countFile } from './storage.ts';
import { visibleCurrent, visibleVersion } from './visible.ts';
import { checkId, demandOf, expectationOf, refusedUpdate } from './update.ts';

/** What takes the place of the general handlers where the path names Binary. */
export const binaryHandlers: Readonly<Partial<Record<Interaction, Handler>>> = {
  read: readBinary,
  vread: readBinaryVersion,
  create: createBinary,
  update: updateBinary,
  patch: (context, call) => guarded(context, call, patch),
  delete: (context, call) => guarded(context, call, remove),
};

async function readBinary(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['_summary', '_elements']);
  return binaryAnswer(context, call, await existing(context, call.target));
}

async function readBinaryVersion(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['_summary', '_elements']);
  const { id, version } = call.target;
  const number = /^[1-9]\d{0,8}$/.test(version) ? Number(version) : 0;
  const stored = await visibleVersion(context, { type: binaryType, id, version: number });
  if (stored === undefined) {
    throw outcomeError('not-found', `There is no version ${version.slice(0, 64)} of Binary/${id.slice(0, 64)}.`);
  }
  return binaryAnswer(context, call, stored);
}

const binaryType = typeNumber('Binary') ?? -1;

/** A conditional create goes the general way: its resource comes as FHIR and keeps its data (binary-sealed.ts). */
async function createBinary(context: Context, call: Call): Promise<Answer> {
  if (call.headers['if-none-exist'] !== undefined) {
    return create(context, call);
  }
  allowParameters(call, []);
  const sent = await binaryContent(context, call);
  checkNewSecurityContext(context, sent.resource);
  const prepared = prepare(context, sent.resource, { id: newId(), method: 'POST', expect: 'absent', fresh: true });
  return withFile(context, sent, async (file) => {
    const result = await writeVersion(context, prepared, file);
    if (result === undefined) {
      throw new Error('A new id was taken already.');
    }
    return writeAnswer(context, call, result);
  });
}

/** What is known to fail is refused before the content is read. */
async function updateBinary(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  const { id } = call.target;
  checkId(id);
  const demand = demandOf(context, call);
  const expect = expectationOf(context, `Binary/${id}`, demand);
  const stored = await checkCurrent(context, 'u', id);
  refuse(expect, demand, id, stored);
  const sent = await binaryContent(context, call);
  checkSameId(sent, id);
  checkNewSecurityContext(context, sent.resource);
  const prepared = prepare(context, sent.resource, { id, method: 'PUT', expect });
  return withFile(context, sent, async (file) => {
    const result = await untilWritten(async () => {
      const written = await writeVersion(context, prepared, file);
      if (written === undefined) {
        refuse(expect, demand, id, await writable(context, 'u', id));
      }
      return written;
    });
    return writeAnswer(context, call, result);
  });
}

/** Version and file together or not at all; undefined where the precondition does not hold. */
function writeVersion(context: Context, prepared: Prepared, file: BinaryFile): Promise<WriteResult | undefined> {
  return inTransaction(context, async (inside) => {
    const written = await commit(inside, prepared);
    if (written === undefined) {
      return undefined;
    }
    await addBinaryFile(inside.session, written, file);
    countFile(inside, file.size);
    return writeResult(prepared, written);
  });
}

/** @throws OutcomeError where what is there does not allow the write. */
function refuse(expect: Expectation, demand: Demand, id: string, stored: Stored | undefined): void {
  const live = stored !== undefined && stored.text !== null;
  const allowed = {
    any: true,
    absent: !live,
    live,
    known: stored !== undefined,
  };
  if (typeof expect === 'number' ? !live || stored.version !== expect : !allowed[expect]) {
    throw refusedUpdate(`Binary/${id}`, demand);
  }
}

function checkSameId({ resource, raw }: BinaryContent, id: string): void {
  if (!raw && resource['id'] !== id) {
    throw outcomeError('invalid', `The id in the body must be the one in the URL, "${id}".`, {
      expression: 'Binary.id',
    });
  }
}

async function guarded(context: Context, call: Call, handler: Handler): Promise<Answer> {
  await checkCurrent(context, call.method === 'DELETE' ? 'd' : 'u', call.target.id);
  return handler(context, call);
}

/** The current version, if the caller may touch it. */
async function checkCurrent(context: Context, permission: 'u' | 'd', id: string): Promise<Stored | undefined> {
  const stored = await writable(context, permission, id);
  if (stored !== undefined && stored.text !== null) {
    await checkSecurityContext(context, parseStored(stored.text));
  }
  return stored;
}

/** What is there, if the caller may write it; what may only be read is refused when it comes to writing (write-access.ts). */
function writable(context: Context, permission: 'u' | 'd', id: string): Promise<Stored | undefined> {
  return visibleCurrent(context, { type: binaryType, id }, plainAccessOf(context, permission));
}
