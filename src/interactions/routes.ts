/**
 * The table of interactions: HTTP method and the shape of the path → interaction, access code, handler.
 *
 * A path's shape has one part a segment: `Type`, `id`, `$op`, or the word itself where it is one of FHIR's own.
 * The CapabilityStatement is derived from this table. https://hl7.org/fhir/R4/http.html
 */
import type { Interaction } from '../access/needs.ts';
import { isResourceType } from '../fhir/definitions.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { isId } from '../fhir/reference.ts';
import type { Request } from '../request.ts';
import type { Call, Handler, Target } from './call.ts';
import { auditEventHistory, noAuditHistory, readAuditEvent } from './audit-log.ts';
import { receiveAuditEvent } from './audit-receive.ts';
import { binaryHandlers } from './binary.ts';
import { bundle } from './bundle.ts';
import { capabilities } from './capabilities.ts';
import { create } from './create.ts';
import { historyInstance, historySystem, historyType } from './history.ts';
import { operation } from './operation.ts';
import { conditionalPatch, patch } from './patch.ts';
import { read } from './read.ts';
import { conditionalDelete, remove } from './remove.ts';
import { smartConfiguration } from './smart-configuration.ts';
import { search, searchCompartment, searchSystem } from './search.ts';
import { conditionalUpdate, update } from './update.ts';
import { userAccessBrands } from './user-access-brands.ts';
import { vread } from './vread.ts';

export interface Route {
  /** As in http://hl7.org/fhir/restful-interaction; what the caller's scopes must allow on the type. */
  readonly interaction: Interaction;
  readonly handler: Handler;
}

export const routes: Readonly<Record<string, Route>> = {
  'GET metadata': { interaction: 'capabilities', handler: capabilities },
  'GET .well-known/smart-configuration': { interaction: 'capabilities', handler: smartConfiguration },
  'GET .well-known/user-access-brands': { interaction: 'capabilities', handler: userAccessBrands },
  'OPTIONS ': { interaction: 'capabilities', handler: capabilities },
  'POST ': { interaction: 'batch', handler: bundle },
  'GET ': { interaction: 'search-system', handler: searchSystem },
  'POST _search': { interaction: 'search-system', handler: searchSystem },
  'GET _history': { interaction: 'history-system', handler: historySystem },
  'GET Type': { interaction: 'search-type', handler: search },
  'POST Type/_search': { interaction: 'search-type', handler: search },
  'GET Type/_history': { interaction: 'history-type', handler: historyType },
  'GET Type/id': { interaction: 'read', handler: read },
  'GET Type/id/_history': { interaction: 'history-instance', handler: historyInstance },
  'GET Type/id/_history/id': { interaction: 'vread', handler: vread },
  'GET Type/id/Type': { interaction: 'search-type', handler: searchCompartment },
  'POST Type/id/Type/_search': { interaction: 'search-type', handler: searchCompartment },
  'GET Type/id/*': { interaction: 'search-system', handler: searchCompartment },
  'POST Type/id/_search': { interaction: 'search-system', handler: searchCompartment },
  'POST Type': { interaction: 'create', handler: create },
  'PUT Type/id': { interaction: 'update', handler: update },
  'PUT Type': { interaction: 'update', handler: conditionalUpdate },
  'PATCH Type/id': { interaction: 'patch', handler: patch },
  'PATCH Type': { interaction: 'patch', handler: conditionalPatch },
  'DELETE Type/id': { interaction: 'delete', handler: remove },
  'DELETE Type': { interaction: 'delete', handler: conditionalDelete },
  'GET $op': { interaction: 'operation', handler: operation },
  'POST $op': { interaction: 'operation', handler: operation },
  'DELETE $op': { interaction: 'operation', handler: operation },
  'GET Type/$op': { interaction: 'operation', handler: operation },
  'POST Type/$op': { interaction: 'operation', handler: operation },
  'GET Type/id/$op': { interaction: 'operation', handler: operation },
  'POST Type/id/$op': { interaction: 'operation', handler: operation },
  'GET Type/id/_history/id/$op': { interaction: 'operation', handler: operation },
  'POST Type/id/_history/id/$op': { interaction: 'operation', handler: operation },
};

/** Types whose resources are more than their text; for one resource at a time, these take the place of `routes`. */
const handlersOfType: Readonly<Record<string, Readonly<Partial<Record<Interaction, Handler>>>>> = {
  Binary: binaryHandlers,
  AuditEvent: {
    create: receiveAuditEvent,
    read: readAuditEvent,
    vread: readAuditEvent,
    'history-instance': auditEventHistory,
  },
};

/** No type and no id is spelt like these. */
const words = new Set(['_history', '_search', '*']);

function isWellKnown([first]: readonly string[]): boolean {
  return first === '.well-known';
}

/** Where a segment has its own meaning by its place: the second is an id, even one that is spelt like another's word. */
function shapeOf(segments: readonly string[]): string {
  return segments
    .map((segment, i) => {
      if (segment.startsWith('$')) {
        return '$op';
      }
      if (words.has(segment) || (i === 0 && segment === 'metadata') || isWellKnown(segments)) {
        return segment;
      }
      return i === 0 || (i === 2 && /^[A-Z]/.test(segment)) ? 'Type' : 'id';
    })
    .join('/');
}

/**
 * What a request asks for.
 * @throws OutcomeError 404 for an unknown path or type, 405 for a method that the path does not take.
 */
export function findRoute(request: Request): { route: Route; call: Call } {
  const shape = shapeOf(request.segments);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const target = targetOf(request.segments, shape);
  const route = routeOf(`${method} ${shape}`, target);
  for (const type of [target.type, target.member]) {
    if (type !== '' && type !== '*' && !isResourceType(type)) {
      throw outcomeError('not-supported', `"${type.slice(0, 80)}" is no resource type of FHIR R4.`, { status: 404 });
    }
  }
  if (route === undefined) {
    throw noRoute(request, shape);
  }
  checkId(target, method);
  return { route, call: { ...request, target } };
}

function routeOf(key: string, target: Target): Route | undefined {
  const route = routes[key];
  if (route?.interaction === 'history-type' && target.type === 'AuditEvent')
    return { ...route, handler: noAuditHistory };
  const conditional = target.id === '' && route?.interaction !== 'create';
  const own = route && !conditional ? handlersOfType[target.type]?.[route.interaction] : undefined;
  return route && own ? { ...route, handler: own } : route;
}

function targetOf(segments: readonly string[], shape: string): Target {
  const at = (part: string, position: number): string =>
    shape.split('/')[position] === part ? (segments[position] ?? '') : '';
  return {
    type: at('Type', 0),
    id: at('id', 1),
    version: segments[2] === '_history' ? at('id', 3) : '',
    member: at('Type', 2) || at('*', 2) || (shape === 'Type/id/_search' ? '*' : ''),
    operation: segments.find((segment) => segment.startsWith('$')) ?? '',
  };
}

/** No resource can have such an id: there is none to read, and none may be written. */
function checkId({ type, id }: Target, method: string): void {
  if (id !== '' && !isId(id)) {
    throw outcomeError(
      method === 'PUT' ? 'invalid' : 'not-found',
      `There can be no such ${type}: an id has 1 to 64 letters, digits, hyphens and dots.`,
    );
  }
}

function noRoute(request: Request, shape: string): Error {
  const allowed = Object.keys(routes).flatMap((key) => (key.endsWith(` ${shape}`) ? [key.split(' ')[0] ?? ''] : []));
  if (allowed.length === 0) {
    return outcomeError('not-found', 'There is no such path below the FHIR base.', { status: 404 });
  }
  const allow = allowed.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return outcomeError('not-supported', `${request.method} is not possible here; possible: ${allow.join(', ')}.`, {
    status: 405,
    headers: { allow: allow.join(', ') },
  });
}
