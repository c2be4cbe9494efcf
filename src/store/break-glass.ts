/** Overrides of consent in an emergency (table break_glass); src/access/break-glass.ts says what one opens. */
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface Override {
  readonly id: string;
  /** The patient's id. */
  readonly patient: string;
  readonly subject: string;
  readonly reason: string;
  /** FHIR instants. */
  readonly opened: string;
  readonly until: string;
}

interface Row {
  override: string;
  patient: string;
  subject: string;
  reason: string;
  opened: string;
  until: string;
}

const columns = sql`override, patient, subject, reason, opened, until`;

function fromRow({ override: id, opened, until, ...rest }: Row): Override {
  return { id, ...rest, opened: instantText(opened), until: instantText(until) };
}

export async function openOverride(
  session: Session,
  { patient, subject, reason, minutes }: { patient: string; subject: string; reason: string; minutes: number },
): Promise<Override> {
  const [row] = await session.query<Row>(sql`
    insert into break_glass (tenant_id, patient, subject, reason, opened, until)
    select ${session.tenant}::int4, ${patient}, ${subject}, ${reason}, n.at, n.at + make_interval(mins => ${minutes}::int4)
    from (select clock_timestamp() as at) n
    returning ${columns}`);
  if (row === undefined) throw new Error('An override was not stored.');
  return fromRow(row);
}

/** Those of an account that are open now. */
export async function openOverrides(session: Session, subject: string): Promise<Override[]> {
  const rows = await session.query<Row>(sql`
    select ${columns} from break_glass
    where tenant_id = ${session.tenant} and subject = ${subject} and closed is null and until > clock_timestamp()
    order by until`);
  return rows.map(fromRow);
}

/** Ends those of an account for a patient; gives how many there were. */
export async function closeOverrides(
  session: Session,
  { patient, subject }: { patient: string; subject: string },
): Promise<number> {
  const rows = await session.query(sql`
    update break_glass set closed = clock_timestamp()
    where tenant_id = ${session.tenant} and subject = ${subject} and patient = ${patient}
      and closed is null and until > clock_timestamp()
    returning override`);
  return rows.length;
}

/** The resources that are the holders of a role, `Practitioner/1`. */
export async function holdersOf(session: Session, role: string): Promise<string[]> {
  const rows = await session.query<{ fhir_user: string }>(sql`
    select distinct a.fhir_user from account_role r
    join account a on a.tenant_id = r.tenant_id and a.account_id = r.account_id
    where r.tenant_id = ${session.tenant} and r.role = ${role} and a.status = 'active' and a.fhir_user is not null
    order by 1`);
  return rows.map((row) => row.fhir_user);
}
