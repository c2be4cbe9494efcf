/**
 * $proof: what proves to anybody, without this server, that an event is in the log as it was sealed.
 *
 *   GET [base]/AuditEvent/[id]/$proof
 *
 * Parameters: event (its canonical text, RFC 8785), seal (the text that is signed), signature (Ed25519), key (JWK), index
 * (its place among the events of the seal), and beside, the hashes on the way to the root, the event's neighbour first,
 * each with its side. conformance/verify-proof.js checks it.
 */
import { auditEventText } from '../audit/event.ts';
import { auditPath, leafHash } from '../audit/merkle.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { visibleEvent } from '../interactions/audit-log.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { sealOfEvent, type StoredSeal } from '../store/audit-seals.ts';
import { anyVerificationKey } from '../store/signing-keys.ts';
import { operationInput } from './parameters.ts';

export async function auditProof(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  const { id } = call.target;
  const record = await visibleEvent(context, id);
  context.trail.touched.push({ type: 'AuditEvent', id, version: 1 });
  const seal = await sealOfEvent(context.session, id);
  if (seal === undefined) {
    throw outcomeError('conflict', `AuditEvent/${id} has no seal yet; it gets one within seconds.`);
  }
  const key = await anyVerificationKey(context.session, seal.keyId);
  const text = auditEventText(record, { observer: context.tenant.name });
  return { status: 200, resource: proof(text, seal, key?.publicJwk ?? '') };
}

function proof(text: string, seal: StoredSeal, key: string): JsonObject {
  const leaves = Array.from({ length: seal.leaves.length / 32 }, (_, i) => seal.leaves.subarray(i * 32, i * 32 + 32));
  const leaf = leafHash(text);
  const index = leaves.findIndex((other) => other.equals(leaf));
  if (index < 0) {
    throw outcomeError(
      'conflict',
      `The event is not what was sealed under seal ${seal.number}: the log was changed; $verify says where.`,
    );
  }
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'event', valueString: text },
      { name: 'seal', valueString: seal.content },
      { name: 'signature', valueBase64Binary: seal.signature.toString('base64') },
      { name: 'key', valueString: key },
      { name: 'index', valueUnsignedInt: index },
      ...auditPath(leaves, index).map(({ side, hash }) => ({
        name: 'beside',
        part: [
          { name: 'side', valueCode: side },
          { name: 'hash', valueString: hash.toString('hex') },
        ],
      })),
    ],
  };
}
