/** Which file holds the content of which version of a Binary (table binary_file). */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export interface BinaryFile {
  readonly key: string;
  readonly size: number;
  /** Of the plain content, hexadecimal. */
  readonly sha256: string;
  readonly contentType: string;
}

interface Row {
  file_key: string;
  size: string;
  sha256: string;
  content_type: string;
}

export interface VersionKey {
  readonly rid: string;
  readonly version: number;
}

/** In the transaction that writes the version. */
export async function addBinaryFile(session: Session, { rid, version }: VersionKey, file: BinaryFile): Promise<void> {
  await session.query(sql`
    insert into binary_file (tenant_id, rid, ver, file_key, size, sha256, content_type)
    values (${session.tenant}, ${rid}, ${version}, ${file.key}, ${file.size}, ${file.sha256}, ${file.contentType})`);
}

/**
 * The file of a version. A patch without a file of its own changed only what stands round the content (a tag, the
 * security context), so the file of the version before it is its file; no file is handed on past a deletion, past a
 * version that was sent whole without content, or past one whose content stands in the resource.
 */
export async function readBinaryFile(session: Session, { rid, version }: VersionKey): Promise<BinaryFile | undefined> {
  const [row] = await session.query<Row>(sql`
    select f.file_key, f.size, f.sha256, f.content_type from binary_file f
    where f.tenant_id = ${session.tenant} and f.rid = ${rid} and f.ver <= ${version}
      and not exists (
        select from resource_version v
        where v.tenant_id = ${session.tenant} and v.rid = ${rid} and v.ver > f.ver and v.ver <= ${version}
          and (v.method <> 'PATCH' or v.content -> 'data' is not null))
    order by f.ver desc limit 1`);
  return row && { key: row.file_key, size: Number(row.size), sha256: row.sha256, contentType: row.content_type };
}

/** Which of these keys belong to a version. */
export async function knownFiles(session: Session, keys: readonly string[]): Promise<Set<string>> {
  const rows = await session.query<{ file_key: string }>(sql`
    select file_key from binary_file where tenant_id = ${session.tenant} and file_key = any(${keys}::text[])`);
  return new Set(rows.map((row) => row.file_key));
}
