/** The documents that were made of reports (table report_document). */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export interface ReportDocument {
  /** SHA-256 of the code that stands on it. */
  readonly codeDigest: Buffer;
  /** Our number of the DiagnosticReport, and its id. */
  readonly rid: string;
  readonly report: string;
  /** SHA-256 of what it tells. */
  readonly content: Buffer;
  readonly form: string;
  readonly binaryId: string;
  readonly documentId: string;
  /** Of the file, hexadecimal. */
  readonly sha256: string;
  /** Status of the report then. */
  readonly status: string;
  readonly made: Date;
}

interface Row {
  code_digest: Buffer;
  rid: string;
  report: string;
  content: Buffer;
  form: string;
  binary_id: string;
  document_id: string;
  sha256: string;
  status: string;
  made: Date;
}

const columns = sql`code_digest, rid, report, content, form, binary_id, document_id, sha256, status, made`;

function fromRow(row: Row): ReportDocument {
  const { code_digest: codeDigest, binary_id: binaryId, document_id: documentId, ...rest } = row;
  return { ...rest, codeDigest, binaryId, documentId, made: new Date(rest.made) };
}

/** All of a report, the newest first. */
export async function documentsOf({ tenant, query }: Session, rid: string): Promise<ReportDocument[]> {
  const rows = await query<Row>(sql`
    select ${columns} from report_document where tenant_id = ${tenant} and rid = ${rid} order by made desc, code_digest`);
  return rows.map(fromRow);
}

export async function documentByCode({ tenant, query }: Session, digest: Buffer): Promise<ReportDocument | undefined> {
  const [row] = await query<Row>(sql`
    select ${columns} from report_document where tenant_id = ${tenant} and code_digest = ${digest}`);
  return row && fromRow(row);
}

/** False where somebody else was first with the same content and form. */
export async function addDocument({ tenant, query }: Session, one: ReportDocument): Promise<boolean> {
  const rows = await query(sql`
    insert into report_document (tenant_id, ${columns})
    values (${tenant}, ${one.codeDigest}, ${one.rid}, ${one.report}, ${one.content}, ${one.form}, ${one.binaryId},
      ${one.documentId}, ${one.sha256}, ${one.status}, ${one.made})
    on conflict (tenant_id, rid, form, content) do nothing returning 1 as added`);
  return rows.length > 0;
}

/** Where its file was deleted: it is made anew, with another code. */
export async function forgetDocument({ tenant, query }: Session, { codeDigest }: ReportDocument): Promise<void> {
  await query(sql`delete from report_document where tenant_id = ${tenant} and code_digest = ${codeDigest}`);
}
