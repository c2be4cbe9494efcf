/**
 * .well-known/user-access-brands: how the laboratory presents itself to people who look for it in an app.
 * https://hl7.org/fhir/smart-app-launch/brands.html
 *
 * Made from the laboratory's title and its settings website and logo. Open to all; open for any web origin to cache.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../fhir/json.ts';
import type { Answer, Context } from '../request.ts';
import type { Call } from './call.ts';
import { allowParameters } from './headers.ts';
import { brandIdentifier, issuerOf, jsonBody } from './smart-configuration.ts';

const profile = 'http://hl7.org/fhir/smart-app-launch/StructureDefinition';
const extension = 'http://hl7.org/fhir/StructureDefinition';

export async function userAccessBrands(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  const text = JSON.stringify(bundle(context));
  const etag = `W/"${createHash('sha256').update(text).digest('base64url').slice(0, 16)}"`;
  const headers = { etag, 'cache-control': 'public, max-age=3600' };
  if (call.headers['if-none-match']?.includes(etag) === true) return { status: 304, headers };
  return { status: 200, headers, raw: jsonBody('application/fhir+json; charset=utf-8', text) };
}

/** Times are those of the laboratory's own record: the bundle changes only with what it says. */
function bundle(context: Context): JsonObject {
  const { tenant, base } = context;
  const issuer = issuerOf(context);
  const created = new Date(tenant.created.replace(' ', 'T').replace(/\+00$/, 'Z')).toISOString();
  return {
    resourceType: 'Bundle',
    id: 'user-access-brands',
    meta: { profile: [`${profile}/user-access-brands-bundle`] },
    identifier: { system: 'urn:ietf:rfc:3986', value: `${base}/.well-known/user-access-brands` },
    type: 'collection',
    timestamp: created,
    entry: [
      { fullUrl: `${issuer}/brand/Organization/laboratory`, resource: organization(context) },
      { fullUrl: `${issuer}/brand/Endpoint/fhir`, resource: endpoint(context) },
    ],
  };
}

function organization(context: Context): JsonObject {
  const { tenant } = context;
  const issuer = issuerOf(context);
  const { website, logo } = tenant.settings;
  const url = website ?? issuer;
  return {
    resourceType: 'Organization',
    id: 'laboratory',
    meta: { profile: [`${profile}/user-access-brand`] },
    extension: [
      ...(logo === undefined
        ? []
        : [{ url: `${extension}/organization-brand`, extension: [{ url: 'brandLogo', valueUrl: logo }] }]),
      {
        url: `${extension}/organization-portal`,
        extension: [
          { url: 'portalName', valueString: tenant.title },
          { url: 'portalUrl', valueUrl: `${issuer}/account` },
          { url: 'portalEndpoint', valueReference: { reference: 'Endpoint/fhir' } },
        ],
      },
    ],
    identifier: [brandIdentifier(context)],
    active: true,
    type: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/organization-type', code: 'prov' }] }],
    name: tenant.title,
    telecom: [{ system: 'url', value: url }],
    endpoint: [{ reference: 'Endpoint/fhir' }],
  };
}

function endpoint(context: Context): JsonObject {
  return {
    resourceType: 'Endpoint',
    id: 'fhir',
    meta: { profile: [`${profile}/user-access-endpoint`] },
    extension: [{ url: `${extension}/endpoint-fhir-version`, valueCode: '4.0.1' }],
    status: 'active',
    connectionType: {
      system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type',
      code: 'hl7-fhir-rest',
    },
    name: `FHIR R4 of ${context.tenant.title}`,
    contact: [{ system: 'url', value: context.tenant.settings.website ?? issuerOf(context) }],
    payloadType: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/endpoint-payload-type', code: 'none' }] },
    ],
    address: context.base,
  };
}
