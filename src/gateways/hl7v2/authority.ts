/**
 * Whether a client's certificate is issued by an authority that an interface names (RFC 5280 §6): each certificate of the
 * way up is signed by the next, all but the first are of an authority, all are valid at this moment, and the first may be
 * used by a client. There is no list of what was withdrawn: an interface that needs that names fingerprints.
 *
 * That the client holds the key the handshake has shown.
 */
import { X509Certificate } from 'node:crypto';

/** Certificates between the client's and the authority's. */
const mostBetween = 4;
const clientAuthentication = '1.3.6.1.5.5.7.3.2';

export function readAuthorities(pems: readonly string[]): X509Certificate[] {
  return pems.flatMap((pem) => {
    try {
      return [new X509Certificate(pem)];
    } catch {
      return [];
    }
  });
}

export function isIssuedBy(
  shown: X509Certificate,
  authorities: readonly X509Certificate[],
  now: number = Date.now(),
): boolean {
  const uses: readonly string[] | undefined = shown.keyUsage;
  if (uses !== undefined && !uses.includes(clientAuthentication)) return false;
  let current: X509Certificate | undefined = shown;
  for (let at = 0; current !== undefined && at <= mostBetween; at++) {
    const below: X509Certificate = current;
    if (!isValid(below, now)) return false;
    if (authorities.some((authority) => isValid(authority, now) && signs(authority, below))) return true;
    const above: X509Certificate | undefined = below.issuerCertificate;
    current =
      above !== undefined && above.fingerprint256 !== below.fingerprint256 && signs(above, below) ? above : undefined;
  }
  return false;
}

function isValid({ validFrom, validTo }: X509Certificate, now: number): boolean {
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo);
}

function signs(issuer: X509Certificate, below: X509Certificate): boolean {
  return issuer.ca && below.checkIssued(issuer) && below.verify(issuer.publicKey);
}
