/**
 * Whom an address counts as, where requests or failures are counted: in IPv6 the /64, which is one line of one customer and
 * holds more addresses than anybody can count.
 */
import { isIPv6 } from 'node:net';

/** `2001:db8:1:2::7` → its first 64 bits; an IPv4 address within IPv6 → itself. */
export function networkOf(written: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(written)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(written)) return written;
  const [head = '', tail] = (written.split('%')[0] ?? '').split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}
