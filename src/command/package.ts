/** `makhbar tenant package <name> <folder>`: the package that a laboratory takes with it (departing/package.ts). */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import { keptFigures, thing } from '../audit/security.ts';
import { signatureKey } from '../departing/signature.ts';
import { writePackage } from '../departing/package.ts';
import { contextFor } from '../exporting/context.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { createLog } from '../log.ts';
import { shared } from '../start/http.ts';
import type { Session } from '../store/pool.ts';
import { findTenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { noteCommand } from './note.ts';

export interface PackageOptions extends Output {
  readonly history?: boolean;
}

/** Works on a suspended laboratory too. */
export async function packageCommand(name: string, folder: string, options: PackageOptions): Promise<void> {
  const { manifest, thumbprint } = await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const server = shared(config, database, createLog('silent'));
    const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
    const caller = operatorCaller({ subject: 'operator', client: 'makhbar', scopes: parseScopes('system/*.rs') });
    const request = { base: `${config.publicUrl ?? ''}/${name}/fhir`, caller };
    const id = randomUUID();
    const noted = { kind: 'package-written', deed: 'makhbar tenant package' } as const;
    // Before anything is read: what goes out is known, whatever becomes of this process.
    await noteCommand(database, tenant, noted, [thing('process', `package ${id}`)]);
    try {
      const made = await writePackage(contextFor({ server, tenant, session, request, id }), {
        folder: resolve(folder),
        history: options.history === true,
        progress: (path) => options.json !== true && process.stderr.write(`${path}\n`),
      });
      const figures = Object.entries(made.counts).map(([type, { current }]) => keptFigures(type, current));
      await noteCommand(database, tenant, noted, [thing('process', `package ${id}`), ...figures]);
      return { manifest: made, thumbprint: signatureKey(config.keyEncryptionKey()).thumbprint };
    } finally {
      await server.usage.flush();
    }
  });
  const { counts, files, moment, audit } = manifest;
  const resources = Object.values(counts).reduce((sum, { current }) => sum + current, 0);
  print(
    options,
    { tenant: name, folder, moment, counts, audit, files: files.length, key: thumbprint },
    `${folder}: ${resources} resources, ${audit.events} audit events, ${files.length} files, as of ${moment}\nsigned by ${thumbprint}; check it with: node ${folder}/verify.mjs --key ${thumbprint}`,
  );
}

/** `makhbar keys show`: the key that signs packages and certificates of deletion. */
export async function showKeyCommand(options: Output): Promise<void> {
  const { publicJwk, thumbprint } = await withDatabase(async (_, config) =>
    Promise.resolve(signatureKey(config.keyEncryptionKey())),
  );
  print(options, publicJwk, thumbprint);
}
