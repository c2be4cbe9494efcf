/** `makhbar tenant create|list|suspend|resume` */
import type { Database } from '../store/pool.ts';
import { createTenant, listTenants, setTenantStatus, type Tenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { notingTenant } from './note.ts';

export async function createCommand(name: string, options: Output & { title?: string }): Promise<void> {
  const { title } = options;
  const tenant = await noted('makhbar tenant create', (database) =>
    createTenant(database, name, { ...(title !== undefined && { title }) }),
  );
  print(options, tenant, `Laboratory ${tenant.name} is there. For a token: npx makhbar token ${tenant.name}`);
}

export async function listCommand(options: Output): Promise<void> {
  const tenants = await withDatabase(listTenants);
  print(options, tenants, tenants.length === 0 ? 'There is no laboratory yet.' : table(tenants));
}

export async function suspendCommand(name: string, options: Output): Promise<void> {
  const tenant = await noted('makhbar tenant suspend', (database) => setTenantStatus(database, name, 'suspended'));
  print(options, tenant, `Laboratory ${tenant.name} is suspended; running servers notice within seconds.`);
}

export async function resumeCommand(name: string, options: Output): Promise<void> {
  const tenant = await noted('makhbar tenant resume', (database) => setTenantStatus(database, name, 'active'));
  print(options, tenant, `Laboratory ${tenant.name} is active; running servers notice within seconds.`);
}

function noted(
  deed: `makhbar ${string}`,
  change: (operator: Pick<Database, 'operator'>) => Promise<Tenant>,
): Promise<Tenant> {
  return withDatabase((database) => notingTenant(database, { kind: 'settings-changed', deed }, change));
}

function table(tenants: Tenant[]): string {
  const width = Math.max(...tenants.map(({ name }) => name.length));
  return tenants.map(({ name, status, title }) => `${name.padEnd(width)}  ${status.padEnd(9)}  ${title}`).join('\n');
}
