/**
 * Which laboratory a URL means and under which address the caller sees it.
 *
 * A laboratory is reached at `{PUBLIC_URL}/{tenant}/…` and, when BASE_DOMAIN is set, at `{tenant}.{BASE_DOMAIN}/…`.
 * X-Forwarded-Proto and X-Forwarded-Host count only from a trusted proxy.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { outcomeError } from '../fhir/outcome.ts';
import { parseQuery } from '../fhir/query.ts';
import type { Parameters } from '../request.ts';

export interface Address {
  /** Name of the laboratory; '' where the URL names none. */
  readonly tenant: string;
  /** The laboratory's own root as the caller sees it, without a slash at its end. */
  readonly root: string;
  /** The path below that root, decoded, without empty parts. */
  readonly segments: readonly string[];
  readonly query: Parameters;
}

export interface AddressOptions {
  readonly publicUrl: string | undefined;
  readonly baseDomain: string | undefined;
  readonly trusted: (address: string) => boolean;
}

/** `GET http://host/path`, as proxies may send it (RFC 9112 §3.2.2). The header Host says the same. */
const absoluteForm = /^https?:\/\/[^/?]*/i;

/** @throws OutcomeError `invalid` where the URL cannot be decoded, or Host is no name of a host. */
export function addressOf(request: IncomingMessage, options: AddressOptions): Address {
  const [path, search] = split((request.url ?? '/').replace(absoluteForm, ''), '?');
  const origin = originOf(request, options);
  const segments = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const query = parseQuery(search, 'The query of the URL');
  const label = subdomain(origin.host, options.baseDomain);
  if (label !== undefined) {
    const { publicUrl, baseDomain = '' } = options;
    const root =
      publicUrl === undefined ? `${origin.protocol}://${origin.host}` : rootBelow(publicUrl, label, baseDomain);
    return { tenant: label, root, segments, query };
  }
  const [tenant = '', ...rest] = segments;
  const base = options.publicUrl ?? `${origin.protocol}://${origin.host}`;
  return { tenant, root: `${base}/${tenant}`, segments: rest, query };
}

/**
 * Protocol and port are those of PUBLIC_URL: a proxy that speaks TLS for us may not tell them, and a caller must not
 * choose a port, which would be another issuer.
 */
function rootBelow(publicUrl: string, label: string, baseDomain: string): string {
  const { protocol, port } = new URL(publicUrl);
  return `${protocol}//${label}.${baseDomain.toLowerCase()}${port === '' ? '' : `:${port}`}`;
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw outcomeError('invalid', 'The path of the URL is not properly percent-encoded.', { status: 400 });
  }
}

interface Origin {
  readonly protocol: string;
  readonly host: string;
}

function originOf(request: IncomingMessage, options: AddressOptions): Origin {
  const direct: Origin = {
    protocol: (request.socket as TLSSocket).encrypted ? 'https' : 'http',
    host: request.headers.host ?? 'localhost',
  };
  if (!options.trusted(request.socket.remoteAddress ?? '')) {
    return checked(direct);
  }
  return checked({
    protocol: first(request.headers['x-forwarded-proto']) ?? direct.protocol,
    host: first(request.headers['x-forwarded-host']) ?? direct.host,
  });
}

/** Links and the OpenID issuer are made of it. */
const hostName = /^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/;

function checked({ protocol, host }: Origin): Origin {
  const proper = hostName.test(host) && /^https?$/i.test(protocol) && URL.canParse(`${protocol}://${host}`);
  if (!proper) throw outcomeError('invalid', 'The header Host is not the name of a host.', { status: 400 });
  return { protocol: protocol.toLowerCase(), host: host.toLowerCase() };
}

function first(header: string | string[] | undefined): string | undefined {
  const [value] = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',');
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

function subdomain(host: string, baseDomain: string | undefined): string | undefined {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const suffix = `.${baseDomain?.toLowerCase()}`;
  return baseDomain !== undefined && name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined;
}

/** The address of the caller, behind trusted proxies the one that the nearest of them names. */
export function callerAddress(request: IncomingMessage, trusted: (address: string) => boolean): string {
  const direct = request.socket.remoteAddress ?? '';
  if (!trusted(direct)) {
    return direct;
  }
  const chain = (request.headers['x-forwarded-for'] ?? '')
    .toString()
    .split(',')
    .map((part) => part.trim());
  return chain.reverse().find((hop) => hop !== '' && !trusted(hop)) ?? direct;
}

/** TRUST_PROXY: a list of addresses and networks (`10.0.0.0/8, ::1, loopback`); empty trusts nobody. */
export function trustedProxies(setting: string): (address: string) => boolean {
  const list = new BlockList();
  for (const part of setting
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')) {
    for (const network of part === 'loopback' ? ['127.0.0.0/8', '::1'] : [part]) {
      const [address = '', bits] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) {
        list.addAddress(address, family);
      } else {
        list.addSubnet(address, Number(bits), family);
      }
    }
  }
  // Asked twice for each request: to look into an empty list makes two objects of an address.
  if (setting.trim() === '') return () => false;
  return (address) => {
    const plain = address.replace(/^::ffff:/, '');
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  };
}
