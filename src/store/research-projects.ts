/** Projects of research with the keys of their pseudonyms, encrypted (table research_project). */
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface ResearchProject {
  readonly id: string;
  readonly name: string;
  readonly purpose: string;
  readonly dates: 'shift' | 'year';
  readonly least: number;
  /** Undefined once it was destroyed. */
  readonly sealed?: Buffer;
  readonly created: string;
  readonly ended?: string;
}

interface Row {
  project_id: string;
  name: string;
  purpose: string;
  dates: 'shift' | 'year';
  least: number;
  sealed: Buffer | null;
  created: string;
  ended: string | null;
}

const columns = sql`project_id, name, purpose, dates, least, sealed, created, ended`;

function fromRow({ project_id: id, name, purpose, dates, least, sealed, created, ended }: Row): ResearchProject {
  return {
    id,
    name,
    purpose,
    dates,
    least,
    ...(sealed !== null && { sealed }),
    created: instantText(created),
    ...(ended !== null && { ended: instantText(ended) }),
  };
}

export async function readProjects(session: Session): Promise<ResearchProject[]> {
  const rows = await session.query<Row>(
    sql`select ${columns} from research_project where tenant_id = ${session.tenant} order by name`,
  );
  return rows.map(fromRow);
}

export async function readProject(session: Session, name: string): Promise<ResearchProject | undefined> {
  const [row] = await session.query<Row>(
    sql`select ${columns} from research_project where tenant_id = ${session.tenant} and name = ${name}`,
  );
  return row && fromRow(row);
}

/** False where there is, or was, one of this name: its pseudonyms are not to be mixed up with those of another. */
export async function addProject(
  session: Session,
  project: Required<Pick<ResearchProject, 'id' | 'name' | 'purpose' | 'dates' | 'least' | 'sealed'>>,
  by: string,
): Promise<boolean> {
  const { id, name, purpose, dates, least, sealed } = project;
  const rows = await session.query(sql`
    insert into research_project (tenant_id, project_id, name, purpose, dates, least, sealed, created_by)
    values (${session.tenant}, ${id}::uuid, ${name}, ${purpose}, ${dates}, ${least}, ${sealed}, ${by})
    on conflict do nothing returning project_id`);
  return rows.length > 0;
}

/** Destroys its key. False where there is none of this name with one. */
export async function endProject(session: Session, name: string, by: string): Promise<boolean> {
  const rows = await session.query(sql`
    update research_project set sealed = null, ended = clock_timestamp(), ended_by = ${by}
    where tenant_id = ${session.tenant} and name = ${name} and sealed is not null returning project_id`);
  return rows.length > 0;
}
