/**
 * Sends a seal to an address by POST: https, or http to this machine. Redirects are not followed, what is answered besides
 * the status is not read, and an attempt ends in time.
 */
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP, type BlockList } from 'node:net';
import { guardedLookup, mayGoTo, NotPublic } from './allowed-address.ts';

/** Milliseconds. */
export const longestAttempt = 10_000;

/** Why a seal was not taken, as the operator may read it. */
export class NotTaken extends Error {}

const machine = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** @throws NotTaken where the status is none of success, NotPublic, or what the connection met */
export async function post(address: string, body: string, allowed: BlockList): Promise<void> {
  const url = new URL(address);
  const own = url.protocol === 'http:' && machine.has(url.hostname);
  if (!own && url.protocol !== 'https:') throw new NotTaken('Seals are sent by https.');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A name is judged when it is looked up; what is an address is not looked up.
  if (!own && isIP(host) !== 0 && !mayGoTo(host, allowed)) throw new NotPublic('The address is not public.');
  const status = await statusOf(own ? plainRequest : secureRequest, url, {
    body,
    ...(!own && { lookup: guardedLookup(allowed) }),
  });
  if (status < 200 || status > 299) throw new NotTaken(`The receiver answered ${status}.`);
}

type Sent = { readonly body: string } & Pick<Parameters<typeof secureRequest>[1], 'lookup'>;

function statusOf(request: typeof plainRequest, url: URL, { body, lookup }: Sent): Promise<number> {
  return new Promise((taken, failed) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = { method: 'POST', headers, agent: false, signal: AbortSignal.timeout(longestAttempt) };
    const sending = request(url, { ...options, ...(lookup && { lookup }) }, (response) => {
      taken(response.statusCode ?? 0);
      response.destroy();
    });
    sending.on('error', failed);
    sending.end(body);
  });
}
