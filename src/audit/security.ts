/** Events that are no interaction: signing in, tokens, what administrators and the operator change. */
import type { JsonObject } from '../fhir/json.ts';
import type { KindName } from './kinds.ts';
import type { Agent, Outcome } from './record.ts';

export interface SecurityEvent {
  readonly kind: KindName;
  /** Success where none is given. */
  readonly outcome?: Outcome;
  /** Names no patient. */
  readonly reason?: string;
  /** An operation with its `$`, or a command: `makhbar user add`. */
  readonly deed?: string;
  /** Who is known of it; nobody where none is given. */
  readonly agent?: Partial<Agent>;
  /** The network address; '' at the machine itself. */
  readonly address?: string;
  readonly requestId?: string;
  readonly patients?: readonly string[];
  readonly further?: readonly JsonObject[];
}

const entityTypes = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const entityRoles = 'http://terminology.hl7.org/CodeSystem/object-role';

const things = {
  account: { type: ['1', 'Person'], role: ['11', 'Security User Entity'] },
  role: { type: ['4', 'Other'], role: ['12', 'Security User Group'] },
  client: { type: ['2', 'System Object'], role: ['11', 'Security User Entity'] },
  setting: { type: ['2', 'System Object'], role: ['14', 'Security Granularity Definition'] },
  key: { type: ['2', 'System Object'], role: ['13', 'Security Resource'] },
  process: { type: ['2', 'System Object'], role: ['17', 'Data Repository'] },
  message: { type: ['2', 'System Object'], role: ['3', 'Report'] },
  laboratory: { type: ['3', 'Organization'], role: ['19', 'Customer'] },
  state: { type: ['2', 'System Object'], role: ['4', 'Domain Resource'] },
} as const;

/** What an event is about that is no resource: an account by its id or name, a client, a setting. */
export function thing(kind: keyof typeof things, value: string): JsonObject {
  const { type, role } = things[kind];
  return {
    what: { identifier: { value: value.slice(0, 200).toWellFormed().replaceAll('\0', '') } },
    type: { system: entityTypes, code: type[0], display: type[1] },
    role: { system: entityRoles, code: role[0], display: role[1] },
  };
}

/** What a run of retention removed, or would remove, of a category. */
export function keptFigures(category: string, count: number): JsonObject {
  return {
    type: { system: entityTypes, code: things.setting.type[0], display: things.setting.type[1] },
    description: category,
    detail: [{ type: 'count', valueString: String(count) }],
  };
}

/** How many requests an event stands for, and since when. */
export function counted(requests: number, since: number): JsonObject {
  return {
    type: { system: entityTypes, code: things.process.type[0], display: things.process.type[1] },
    description: 'requests',
    detail: [
      { type: 'count', valueString: String(requests) },
      { type: 'since', valueString: new Date(since).toISOString() },
    ],
  };
}
