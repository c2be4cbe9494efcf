/** Sub-processors of a laboratory's data (table sub_processor). */
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface SubProcessor {
  readonly name: string;
  readonly service: string;
  readonly country: string;
  readonly safeguard?: string;
  /** Days, YYYY-MM-DD: the notice, the last for an objection, and the first of its work. */
  readonly noticed: string;
  readonly objectUntil: string;
  readonly starts: string;
  readonly objection?: { readonly at: string; readonly by: string; readonly reason: string };
}

interface Row {
  name: string;
  service: string;
  country: string;
  safeguard: string | null;
  noticed: string;
  object_until: string;
  starts: string;
  objected: string | null;
  objected_by: string | null;
  objection: string | null;
}

const columns = sql`name, service, country, safeguard, noticed, object_until, starts, objected, objected_by, objection`;

function fromRow(row: Row): SubProcessor {
  const { name, service, country, safeguard, noticed, object_until: objectUntil, starts, objected } = row;
  return {
    name,
    service,
    country,
    noticed,
    objectUntil,
    starts,
    ...(safeguard !== null && { safeguard }),
    ...(objected !== null && {
      objection: { at: instantText(objected), by: row.objected_by ?? '', reason: row.objection ?? '' },
    }),
  };
}

export async function readSubProcessors(session: Session): Promise<SubProcessor[]> {
  const rows = await session.query<Row>(
    sql`select ${columns} from sub_processor where tenant_id = ${session.tenant} order by name`,
  );
  return rows.map(fromRow);
}

/** An objection to what it was before does not count for what it is now. */
export async function putSubProcessor(
  session: Session,
  given: Omit<SubProcessor, 'objection'>,
  by: string,
): Promise<void> {
  await session.query(sql`insert into sub_processor
      (tenant_id, name, service, country, safeguard, noticed, object_until, starts, changed_by)
    values (${session.tenant}, ${given.name}, ${given.service}, ${given.country}, ${given.safeguard ?? null},
      ${given.noticed}::date, ${given.objectUntil}::date, ${given.starts}::date, ${by})
    on conflict (tenant_id, name) do update set service = excluded.service, country = excluded.country,
      safeguard = excluded.safeguard, noticed = excluded.noticed, object_until = excluded.object_until,
      starts = excluded.starts, changed = clock_timestamp(), changed_by = excluded.changed_by,
      objected = null, objected_by = null, objection = null`);
}

export async function endSubProcessor(session: Session, name: string): Promise<boolean> {
  const rows = await session.query(
    sql`delete from sub_processor where tenant_id = ${session.tenant} and name = ${name} returning 1`,
  );
  return rows.length > 0;
}

export async function objectTo(
  session: Session,
  name: string,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<void> {
  await session.query(sql`update sub_processor
    set objected = clock_timestamp(), objected_by = ${by}, objection = ${reason}
    where tenant_id = ${session.tenant} and name = ${name}`);
}
