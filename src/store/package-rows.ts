/**
 * What the package of a departing laboratory is made of besides current resources: counts, versions, Binaries, messages of
 * record, and settings without secrets. As COPY statements of numbers and times of our own (copy-out.ts), in windows.
 */
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import { copyOptions } from './copy-out.ts';
import { instant, stamp, whole, type Numbers } from './export-rows.ts';
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export interface TypeCount {
  readonly current: number;
  readonly versions: number;
}

/** How many there were at the moment, in one statement: what the lines of the files are compared with. */
export async function countsAt(session: Session, moment: string): Promise<Record<string, TypeCount>> {
  const rows = await session.query<{ type: number; current: string; versions: string }>(sql`
    select l.type, count(*) filter (where l.live) as current, sum(l.versions) as versions
    from (select v.rid, v.type, count(*) as versions, (array_agg(v.content is not null order by v.ver desc))[1] as live
      from resource_version v where v.tenant_id = ${session.tenant} and v.last_updated <= ${moment}::timestamptz
      group by v.rid, v.type) l
    group by l.type order by l.type`);
  return Object.fromEntries(
    rows.map(({ type, current, versions }) => [
      typeName(type),
      { current: Number(current), versions: Number(versions) },
    ]),
  );
}

export interface Window {
  readonly tenant: number;
  /** The key of the last row of the window before. */
  readonly after: string | undefined;
  readonly most: number;
}

/** Every version of everything but Binary, oldest resource first. The key of a row is `rid|ver`. */
export function copyOfHistory({ tenant, after, most }: Window, moment: string): string {
  const [rid = '0', ver = '0'] = after?.split('|') ?? [];
  return `copy (select v.rid || '|' || v.ver, '{"id":' || to_json(r.fhir_id) || ',"version":' || v.ver || ',"lastUpdated":'
      || to_json(v.last_updated) || ',"method":' || to_json(v.method)
      || ',"resource":' || coalesce(v.exact, v.content::text, 'null') || '}'
    from resource_version v join resource r on r.tenant_id = ${whole(tenant)} and r.rid = v.rid
    where v.tenant_id = ${whole(tenant)} and (v.rid, v.ver) > (${whole(rid)}, ${whole(ver)})
      and v.type <> ${whole(typeNumber('Binary') ?? -1)} and v.last_updated <= ${instant(moment)}
    order by v.rid, v.ver limit ${whole(most)}) to stdout ${copyOptions}`;
}

export interface BinaryWindow extends Numbers {
  /** The last rid, where there may be more. */
  readonly next: string | undefined;
}

/** The Binaries at the moment. */
export async function binariesAt(
  session: Session,
  { moment, after, most }: { readonly moment: string; readonly after: string; readonly most: number },
): Promise<BinaryWindow> {
  const [row] = await session.query<{ rids: string; versions: string; size: string; last: string | null }>(sql`
    select coalesce(array_agg(f.rid order by f.rid), '{}')::text as rids,
      coalesce(array_agg(f.ver order by f.rid), '{}')::text as versions, count(*) as size, max(f.rid) as last
    from (select v.rid, v.ver from resource_version v
      where v.tenant_id = ${session.tenant} and v.type = ${typeNumber('Binary')}::int2 and v.content is not null
        and v.last_updated <= ${moment}::timestamptz and v.rid > ${after}::int8
        and not exists (select from resource_version n where n.tenant_id = ${session.tenant} and n.rid = v.rid
          and n.ver > v.ver and n.last_updated <= ${moment}::timestamptz)
      order by v.rid limit ${most}) f`);
  const next = Number(row?.size ?? 0) < most ? undefined : (row?.last ?? undefined);
  return { rids: row?.rids ?? '{}', versions: row?.versions ?? '{}', next };
}

/** Versions of Binaries, deleted ones too, in the order of their keys: for the history. */
export async function binaryVersions(
  session: Session,
  { moment, after, most }: { readonly moment: string; readonly after: string; readonly most: number },
): Promise<{ rid: string; version: number; id: string; lastUpdated: string; method: string; deleted: boolean }[]> {
  const [rid = '0', ver = '0'] = after.split('|');
  return session.query(sql`
    select v.rid, v.ver as version, r.fhir_id as id, v.method, v.content is null as deleted,
      to_json(v.last_updated) #>> '{}' as "lastUpdated"
    from resource_version v join resource r on r.tenant_id = v.tenant_id and r.rid = v.rid
    where v.tenant_id = ${session.tenant} and v.type = ${typeNumber('Binary')}::int2
      and v.last_updated <= ${moment}::timestamptz and (v.rid, v.ver) > (${rid}::int8, ${ver}::int4)
    order by v.rid, v.ver limit ${most}`);
}

/** Messages of record, in the order in which they came; the bytes in base64. The key of a row is `received|id`. */
export function copyOfMessages({ tenant, after, most }: Window): string {
  const [at, id] = after?.split('|') ?? [];
  const position = at === undefined ? '' : ` and (m.received, m.id) > (${stamp(at)}, ${uuid(id ?? '')})`;
  return `copy (select m.received || '|' || m.id, row_to_json(l)::text
    from message m cross join lateral (select m.id, m.sequence, m.received, m.finished, m.direction, m.protocol, m.status,
      m.interface, m.peer, m.sender, m.type, m.control_id, m.charset, m.attempts, m.problems, m.resources,
      translate(encode(m.raw, 'base64'), E'\\n', '') as raw, translate(encode(m.ack, 'base64'), E'\\n', '') as ack) l
    where m.tenant_id = ${whole(tenant)}${position}
    order by m.received, m.id limit ${whole(most)}) to stdout ${copyOptions}`;
}

function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) throw new RangeError('This is no UUID.');
  return `'${text}'::uuid`;
}

/** Tables of which the laboratory takes everything but secrets: file → columns, and by what they are ordered. */
const settings: Readonly<Record<string, { readonly from: string; readonly columns: string; readonly order: string }>> =
  {
    'settings/users': {
      from: 'account',
      columns: `account_id, username, display, email, fhir_user, status, created, created_by, last_sign_in, disabled,
      (select json_agg(r.role order by r.role) from account_role r
        where r.tenant_id = x.tenant_id and r.account_id = x.account_id) as roles`,
      order: 'username',
    },
    'settings/roles': { from: 'role', columns: 'name, definition, changed, changed_by', order: 'name' },
    'settings/clients': {
      from: 'client',
      columns: 'client_id, kind, name, scopes, metadata, status, created, created_by, changed',
      order: 'client_id',
    },
    'settings/sub-processors': { from: 'sub_processor', columns: '*', order: 'name' },
    'settings/retention-rules': { from: 'retention_rule', columns: '*', order: 'category' },
    'settings/legal-holds': { from: 'legal_hold', columns: '*', order: 'since, hold' },
    'settings/restrictions': { from: 'restriction', columns: '*', order: 'since, restriction' },
    'settings/erasures': { from: 'erasure', columns: '*', order: 'at' },
    'audit/keys': { from: 'signing_key', columns: 'key_id, algorithm, public_jwk, created, retired', order: 'created' },
    'audit/removals': { from: 'audit_removal', columns: '*', order: 'number' },
  };

export const settingFiles: readonly string[] = Object.keys(settings);

export function copyOfSettings(tenant: number, file: string): string {
  const { from, columns, order } = settings[file] ?? {};
  if (from === undefined) throw new RangeError(`There is no file ${file}.`);
  return `copy (select row_number() over (), row_to_json(l)::text from (select ${columns ?? ''} from ${from} x
    where x.tenant_id = ${whole(tenant)} order by ${order ?? ''}) l) to stdout ${copyOptions}`;
}

/** Below it no event can appear any more. */
export async function auditHorizon(session: Session): Promise<string> {
  const [row] = await session.query<{ horizon: string }>(sql`select audit_horizon()::text as horizon`);
  return row?.horizon ?? '0';
}
