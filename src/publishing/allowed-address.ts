/**
 * Where a webhook may go: addresses that are public, and networks that the operator has allowed. A name is judged by what
 * it leads to when the connection is made, not before.
 */
import { lookup as ask, type LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { isPublic } from '../forwarding/public-address.ts';

export function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return list;
}

export function mayGoTo(address: string, allowed: BlockList): boolean {
  if (isIP(address) === 0) return false;
  return allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') || isPublic(address);
}

export class NotPublic extends Error {}

/** For a connection: all that a name leads to must be allowed. */
export function guardedLookup(allowed: BlockList): LookupFunction {
  return (hostname, options, callback) => {
    ask(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, '');
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => mayGoTo(address, allowed))) {
        return callback(new NotPublic('The name leads to an address that is not public.'), '');
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
