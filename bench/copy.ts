/**
 * COPY … FROM STDIN over pg, which has the protocol's messages but no call for them.
 * https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY
 */
import type pg from 'pg';

/** Rows as text, a line each, into columns of a table. */
export function copyIn(client: pg.Client, into: string, rows: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const copy = {
      submit: (connection: pg.Connection) => connection.query(`copy ${into} from stdin`),
      handleCopyInResponse(connection: CopyConnection) {
        connection.sendCopyFromChunk(Buffer.from(`${rows.join('\n')}\n`));
        connection.endCopyFrom();
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => resolve(),
      handleError: reject,
    };
    client.query(copy as unknown as pg.Submittable);
  });
}

interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** A row in COPY's text format. https://www.postgresql.org/docs/18/sql-copy.html#id-1.9.3.55.9.2 */
export function copyRow(values: readonly unknown[]): string {
  return values.map(copyValue).join('\t');
}

const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function copyValue(value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  const text = String(value);
  return /[\\\n\r\t]/.test(text) ? text.replaceAll(/[\\\n\r\t]/g, (character) => escapes[character] ?? '') : text;
}
