/** The address to show to people: the one the outside uses, else where the server listens. */
import { isIPv6 } from 'node:net';
import type { Config } from '../config.ts';

/** Without a slash at its end. */
export function shownUrl(config: Config, address: string | null, port: number): string {
  if (config.publicUrl !== undefined) return config.publicUrl;
  const everywhere = address === null || address === '0.0.0.0' || address === '::';
  const host = everywhere ? 'localhost' : isIPv6(address) ? `[${address}]` : address;
  return `${config.tls ? 'https' : 'http'}://${host}:${port}`;
}
