/**
 * The limit for reading: a bare Node `http` server that does one prepared SELECT of the very rows that Makhbar reads,
 * by primary key, with as many connections, without row level security, and sends their text.
 *
 *   /one/{rid}            the current text of a resource
 *   /many/{rid},{rid},…   of several
 *   /versions/{rid}       the last 20 versions of one
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';

const [url = '', tenant = '', connections = '16'] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: Number(connections) });

const statements: Record<string, string> = {
  one: `select content::text as text from resource_version where tenant_id = $1 and rid = $2 and ver = 1`,
  many: `select v.content::text as text from resource r
    join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
    where r.tenant_id = $1 and r.rid = any($2)`,
  versions: `select content::text as text from resource_version where tenant_id = $1 and rid = $2
    order by ver desc limit 20`,
};

async function answer(path: string, response: ServerResponse): Promise<void> {
  const [, name = '', given = ''] = path.split('/');
  const values = [tenant, name === 'many' ? given.split(',') : given];
  const { rows } = await pool.query<{ text: string }>({ name, text: statements[name] ?? '', values });
  const body = name === 'one' ? (rows[0]?.text ?? '') : `[${rows.map((row) => row.text).join(',')}]`;
  response.writeHead(rows.length > 0 ? 200 : 404, {
    'content-type': 'application/fhir+json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

const server = createServer((request, response) => {
  answer(request.url ?? '', response).catch((error: unknown) => {
    response.writeHead(500).end(String(error));
  });
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());
