/**
 * The signature of what was released: a Provenance with a detached JWS (RFC 7515, EdDSA) over the canonical JSON (RFC 8785)
 * of a list of the resources, without their meta, in the order of Provenance.target, with each number as a string of the digits
 * that it was written with. The key is one of those that `/jwks` of the laboratory shows.
 * https://hl7.org/fhir/R4/datatypes.html#Signature
 *
 * Decision: RFC 8785 writes numbers as ECMAScript does: 4.0 would be signed as 4, and a decimal of twenty digits rounded to a
 * double. In FHIR the digits are part of the value, so they are signed as they are; `targetFormat` names the form.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { canonicalJson } from '../../../audit/canonical.ts';
import { serializeJson, type JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { object } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { currentSigningKey } from '../../../store/signing-keys.ts';

/** Not FHIR's own canonicalization, which rounds. */
export const canonicalForm = 'application/fhir+json;canonicalization=urn:makhbar:canonicalization:exact-json';

/** @throws OutcomeError `conflict` where the laboratory has no key. */
export async function signedProvenance(
  context: Pick<Context, 'server' | 'tenant'>,
  resources: readonly JsonObject[],
  who: JsonObject,
): Promise<JsonObject> {
  const { server, tenant } = context;
  const key = await currentSigningKey(server.database, tenant.id, server.config.keyEncryptionKey());
  if (key === undefined) {
    throw outcomeError(
      'conflict',
      `The laboratory ${tenant.name} has no key to sign with: its first sign-in makes one, and \`makhbar keys rotate\` another.`,
    );
  }
  const header = base64url(JSON.stringify({ alg: 'EdDSA', kid: key.id, typ: 'JOSE' }));
  const payload = base64url(signedText(resources));
  const signature = sign(null, Buffer.from(`${header}.${payload}`), createPrivateKey(key.privatePem));
  const recorded = new Date().toISOString();
  return {
    resourceType: 'Provenance',
    target: resources.map((resource) => ({ reference: versioned(resource) })),
    occurredDateTime: recorded,
    recorded,
    activity: { coding: [{ system: 'urn:makhbar:result-step', code: 'release' }] },
    agent: [
      {
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'legal' }],
        },
        who,
      },
    ],
    signature: [
      {
        type: [
          { system: 'urn:iso-astm:E1762-95:2013', code: '1.2.840.10065.1.12.1.5', display: 'Verification Signature' },
        ],
        when: recorded,
        who,
        targetFormat: canonicalForm,
        sigFormat: 'application/jose',
        data: Buffer.from(`${header}..${signature.toString('base64url')}`).toString('base64'),
      },
    ],
  };
}

/** What is signed. */
export function signedText(resources: readonly JsonObject[]): string {
  return canonicalJson(resources.map(({ meta: _meta, ...rest }) => JSON.parse(quoted(rest)) as JsonObject));
}

/** Numbers as strings of what they were written as. */
function quoted(resource: JsonObject): string {
  return serializeJson(resource).replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (one) =>
    one.startsWith('"') ? one : JSON.stringify(one),
  );
}

function versioned({ resourceType, id, meta }: JsonObject): string {
  return `${String(resourceType)}/${String(id)}/_history/${String(object(meta)['versionId'])}`;
}

function base64url(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url');
}
