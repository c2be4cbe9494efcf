/**
 * `/{laboratory}/check/{code}`: the short address that stands on reports, for the operation $check-report. It is open to
 * everybody, so it has a limit of its own: a code has 144 random bits, and nobody reads a hundred reports a minute.
 */
import type { IncomingMessage } from 'node:http';
import type { Address } from './address.ts';

/** Requests a minute and network address. */
export const checkLimit = 60;

const operation = ['DiagnosticReport', '$check-report'] as const;

export function isReportCheck({ method }: IncomingMessage, { segments }: Address): boolean {
  return segments[0] === 'check' && segments.length === 2 && (method === 'GET' || method === 'HEAD');
}

export function asOperation(address: Address): Address {
  const [, code = ''] = address.segments;
  const language = address.query.filter(([name]) => name === 'language');
  return { ...address, segments: ['fhir', ...operation], query: [['code', code], ...language] };
}

/** Whether a path below the FHIR base is this operation. */
export function isCheckOperation(segments: readonly string[]): boolean {
  return segments.length === 2 && segments[0] === operation[0] && segments[1] === operation[1];
}
