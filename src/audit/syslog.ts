/**
 * An audit message as a syslog message (RFC 5424) in its frame on TLS (RFC 5425: octet counting), as IHE ITI-20 has them
 * (ITI TF-2: 3.20.4.1.2): facility 10 (security/authorization), severity 5 (notice), 4 for what failed; MSGID
 * IHE+RFC-3881, no structured data, UTF-8 without a byte order mark. Pure.
 */

export interface SyslogHeader {
  readonly hostname: string;
  readonly process: number;
  /** FHIR instant. */
  readonly time: string;
  readonly failed: boolean;
}

const facility = 10;

export function syslogFrame({ hostname, process, time, failed }: SyslogHeader, message: string): Buffer {
  const priority = facility * 8 + (failed ? 4 : 5);
  const text = `<${priority}>1 ${time} ${printable(hostname, 255)} makhbar ${process} IHE+RFC-3881 - ${message}`;
  const body = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from(`${body.length} `, 'ascii'), body]);
}

/** PRINTUSASCII, or the nil value. */
function printable(text: string, longest: number): string {
  const kept = text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, longest);
  return kept === '' ? '-' : kept;
}
