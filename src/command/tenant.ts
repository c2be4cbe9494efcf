/** `makhbar tenant create|list|suspend|resume` */
import { createTenant, listTenants, setTenantStatus, type Tenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';

export async function createCommand(name: string, options: Output & { title?: string }): Promise<void> {
  const { title } = options;
  const tenant = await withDatabase((database) =>
    createTenant(database, name, { ...(title !== undefined && { title }) }),
  );
  print(options, tenant, `Laboratory ${tenant.name} is there. For a token: npx makhbar token ${tenant.name}`);
}

export async function listCommand(options: Output): Promise<void> {
  const tenants = await withDatabase(listTenants);
  print(options, tenants, tenants.length === 0 ? 'There is no laboratory yet.' : table(tenants));
}

export async function suspendCommand(name: string, options: Output): Promise<void> {
  const tenant = await withDatabase((database) => setTenantStatus(database, name, 'suspended'));
  print(options, tenant, `Laboratory ${tenant.name} is suspended; running servers notice within seconds.`);
}

export async function resumeCommand(name: string, options: Output): Promise<void> {
  const tenant = await withDatabase((database) => setTenantStatus(database, name, 'active'));
  print(options, tenant, `Laboratory ${tenant.name} is active; running servers notice within seconds.`);
}

function table(tenants: Tenant[]): string {
  const width = Math.max(...tenants.map(({ name }) => name.length));
  return tenants.map(({ name, status, title }) => `${name.padEnd(width)}  ${status.padEnd(9)}  ${title}`).join('\n');
}
