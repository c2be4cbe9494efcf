/**
 * capabilities: what this server does, derived from the tables it runs on. https://hl7.org/fhir/R4/http.html#capabilities
 */
import { createHash } from 'node:crypto';
import statement from '../../conformance/capability/statement.json' with { type: 'json' };
import terminology from '../../conformance/capability/terminology.json' with { type: 'json' };
import packageJson from '../../package.json' with { type: 'json' };
import { serializeJson, type JsonObject } from '../fhir/json.ts';
import { ownProfiles } from '../fhir/profiles.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { resourceTypes } from '../fhir/resource-types.ts';
import { worklistDefinition, worklistsOf } from '../laboratory/worklists.ts';
import { definitionOf, operations } from '../operations/catalog.ts';
import type { Answer, Context } from '../request.ts';
import type { Parameter } from '../search/parameters.ts';
import type { Call } from './call.ts';
import { isAskedOfLog } from './audit-search.ts';
import { allowParameters, valuesOf } from './headers.ts';
import { subsetOf } from '../fhir/summary.ts';
import { askedSubset } from './subset.ts';
import { issuerOf } from './smart-configuration.ts';
import { searchParametersOf } from './search-parameters.ts';

/** When this process began to answer this way. */
const date = new Date().toISOString();

export async function capabilities(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['mode', '_summary', '_elements']);
  const [mode = 'full'] = valuesOf(call.query, 'mode');
  const { etag, text } = remembered(context, call, () => answerText(context, call, mode));
  const known = call.headers['if-none-match']?.includes(etag) === true;
  return known ? { status: 304, headers: { etag } } : { status: 200, headers: { etag }, text };
}

interface Made {
  readonly etag: string;
  readonly text: string;
}

/**
 * Half a megabyte that takes 20 ms to make, for anybody who asks, signed in or not: the last few are kept while the
 * tenant is the same object, which is as long as its settings are known to be current.
 */
const recent = new Map<string, Made & { tenant: Context['tenant'] }>();
const mostRecent = 8;

function remembered({ tenant, base }: Context, { query }: Call, make: () => Made): Made {
  const shaping = query.filter(([name]) => name !== '_format' && name !== '_pretty');
  const key = JSON.stringify([tenant.id, base, shaping]);
  const before = recent.get(key);
  if (before?.tenant === tenant) {
    return before;
  }
  const made = { ...make(), tenant };
  recent.delete(key);
  recent.set(key, made);
  const [oldest] = recent.keys();
  if (recent.size > mostRecent && oldest !== undefined) {
    recent.delete(oldest);
  }
  return made;
}

function answerText(context: Context, call: Call, mode: string): Made {
  const subset = askedSubset({
    ...call,
    target: { ...call.target, type: mode === 'terminology' ? 'TerminologyCapabilities' : 'CapabilityStatement' },
  });
  const whole = statementOf(context, mode);
  const resource = subset === undefined ? whole : subsetOf(whole, subset);
  const text = serializeJson(resource);
  return { etag: `W/"${createHash('sha256').update(text).digest('base64url').slice(0, 16)}"`, text };
}

function statementOf(context: Context, mode: string): JsonObject {
  const common = { date, software: { name: statement.software.name, version: packageJson.version } };
  switch (mode) {
    case 'full':
      return fullStatement(context, common);
    case 'normative':
      return normativePart(fullStatement(context, common));
    case 'terminology':
      return { ...(terminology as JsonObject), ...common, implementation: implementation(context) };
    default:
      throw outcomeError('value', `mode must be full, normative or terminology, not "${mode.slice(0, 40)}".`, {
        status: 400,
      });
  }
}

function implementation(context: Context): JsonObject {
  return {
    description: `${statement.implementation.description.replace(/\.$/, '')}: ${context.tenant.title}.`,
    url: context.base,
  };
}

function fullStatement(context: Context, common: JsonObject): JsonObject {
  const [rest] = statement.rest;
  return {
    ...(statement as JsonObject),
    ...common,
    implementation: implementation(context),
    format: ['application/fhir+json', 'application/fhir+xml', 'json', 'xml'],
    patchFormat: ['application/json-patch+json', 'application/fhir+json', 'application/fhir+xml'],
    rest: [
      {
        ...(rest as JsonObject),
        security: securityOf(context, rest),
        resource: resourceTypes.map((type) => resourceEntry(context, type)),
        interaction: ['transaction', 'batch', 'search-system', 'history-system'].map((code) => ({ code })),
        operation: operationEntries('', 'system'),
      },
    ],
  };
}

/** The same addresses as in smart-configuration, where older clients look for them. */
function securityOf(context: Context, rest: object | undefined): JsonObject {
  const issuer = issuerOf(context);
  const uri = (url: string, path: string): JsonObject => ({ url, valueUri: `${issuer}${path}` });
  const addresses = [
    uri('authorize', '/auth'),
    uri('token', '/token'),
    uri('introspect', '/token/introspection'),
    uri('revoke', '/token/revocation'),
    uri('manage', '/account'),
    ...(context.tenant.settings.dynamicRegistration === true ? [uri('register', '/register')] : []),
  ];
  const system = 'http://terminology.hl7.org/CodeSystem/restful-security-service';
  return {
    extension: [{ url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris', extension: addresses }],
    ...(rest as { security?: JsonObject } | undefined)?.security,
    service: [{ coding: [{ system, code: 'SMART-on-FHIR' }], text: 'OAuth 2 as SMART App Launch uses it' }],
  };
}

const interactions = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'history-instance',
  'history-type',
  'create',
  'search-type',
];

function resourceEntry(context: Context, type: string): JsonObject {
  if (type === 'AuditEvent') return auditEventEntry(context);
  const known = [...searchParametersOf(context).of(type).byName.values()];
  const queries = worklistsOf(type).map((one) => ({
    name: one.name,
    definition: worklistDefinition(one),
    documentation: `${one.title}: _query=${one.name}`,
  }));
  const parameters = known.filter(({ name }) => name !== '_query' || queries.length > 0);
  const operation = [...operationEntries(type, 'type'), ...operationEntries(type, 'instance')];
  return {
    type,
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    interaction: interactions.map((code) => ({ code })),
    versioning: 'versioned-update',
    readHistory: true,
    updateCreate: context.tenant.settings.clientIds !== false,
    conditionalCreate: true,
    conditionalRead: 'full-support',
    conditionalUpdate: true,
    conditionalDelete: context.tenant.settings.multipleDelete === true ? 'multiple' : 'single',
    referencePolicy:
      context.tenant.settings.referentialIntegrity === true ? ['literal', 'enforced'] : ['literal', 'logical', 'local'],
    searchInclude: ['*', ...references(parameters).map((name) => `${type}:${name}`)],
    searchParam: parameters.map(searchParameterEntry),
    operation: [...uniqueByName(operation), ...queries],
  };
}

/** The audit log is read and searched; other systems bring their own events. */
function auditEventEntry(context: Context): JsonObject {
  const known = [...searchParametersOf(context).of('AuditEvent').byName.values()];
  const operation = [...operationEntries('AuditEvent', 'type'), ...operationEntries('AuditEvent', 'instance')];
  return {
    type: 'AuditEvent',
    profile: 'http://hl7.org/fhir/StructureDefinition/AuditEvent',
    supportedProfile: [...ownProfiles()].flatMap(([url, { type }]) => (type === 'AuditEvent' ? [url] : [])),
    interaction: [
      { code: 'create', documentation: 'Events of other systems (IHE ITI-20), with the scope system/AuditEvent.c.' },
      ...['read', 'vread', 'history-instance', 'search-type'].map((code) => ({ code })),
    ],
    versioning: 'versioned',
    readHistory: true,
    updateCreate: false,
    conditionalCreate: false,
    conditionalRead: 'full-support',
    conditionalUpdate: false,
    conditionalDelete: 'not-supported',
    referencePolicy: ['literal'],
    searchParam: known.filter(isAskedOfLog).map(searchParameterEntry),
    operation: uniqueByName(operation.filter(({ name }) => !/^(meta|graphql)/.test(String(name)))),
  };
}

function references(parameters: readonly Parameter[]): string[] {
  return parameters.filter((parameter) => parameter.type === 'reference').map((parameter) => parameter.name);
}

function searchParameterEntry(parameter: Parameter): JsonObject {
  const { name, url, type } = parameter;
  return { name, definition: url, type };
}

function operationEntries(type: string, level: 'system' | 'type' | 'instance'): JsonObject[] {
  return Object.entries(operations)
    .filter(([, operation]) => operation.levels.includes(level) && (operation.types?.includes(type) ?? true))
    .map(([name, operation]) => ({ name: name.slice(1), definition: definitionOf(name, operation, type) }));
}

function uniqueByName(entries: readonly JsonObject[]): JsonObject[] {
  return [...new Map(entries.map((entry) => [entry['name'], entry])).values()];
}

/** The elements of CapabilityStatement whose status in R4 is trial use: all but these are normative. */
const trialUse: Readonly<Record<string, readonly string[]>> = {
  statement: ['useContext', 'imports', 'messaging', 'document'],
  rest: ['security'],
  resource: [
    'supportedProfile',
    'versioning',
    'readHistory',
    'updateCreate',
    'conditionalCreate',
    'conditionalRead',
    'conditionalUpdate',
    'conditionalDelete',
    'referencePolicy',
    'searchInclude',
    'searchRevInclude',
  ],
};

function normativePart(full: JsonObject): JsonObject {
  const rest = (full['rest'] as JsonObject[]).map((one) => ({
    ...without(one, trialUse['rest']),
    resource: (one['resource'] as JsonObject[]).map((resource) => without(resource, trialUse['resource'])),
  }));
  return { ...without(full, trialUse['statement']), rest };
}

function without(object: JsonObject, names: readonly string[] = []): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
