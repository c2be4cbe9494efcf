/** The addresses under which a tenant's FHIR base is known without a request at hand. */
import type { Config } from '../config.ts';

/** Without a slash at their end. */
export function basesOf(config: Config, tenant: string): string[] {
  const scheme = config.tls === undefined ? 'http' : 'https';
  const listening = [config.host, '127.0.0.1', 'localhost'].map((host) => `${scheme}://${host}:${config.port}`);
  const roots = config.publicUrl === undefined ? listening : [config.publicUrl];
  const paths = roots.map((root) => `${root}/${tenant}/fhir`);
  const domain = config.baseDomain === undefined ? [] : domainBases(config, tenant, config.baseDomain);
  return [...new Set([...paths, ...domain])];
}

function domainBases(config: Config, tenant: string, domain: string): string[] {
  const { protocol, port } = new URL(config.publicUrl ?? `${config.tls ? 'https' : 'http'}://${domain}:${config.port}`);
  return [`${protocol}//${tenant}.${domain}${port === '' ? '' : `:${port}`}/fhir`];
}
