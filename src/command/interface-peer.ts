/** `makhbar interface peer`: other keys for the connection to the peer of an interface; what is not given stays. */
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sessionOf } from '../gateways/gateway.ts';
import { keyPlace } from '../gateways/hl7v2/sendings.ts';
import { readPeer, setPeer } from '../store/outbox.ts';
import { encryptSecret } from '../store/secrets.ts';
import { namedInterface } from './batch-import.ts';
import { print, type Output } from './connect.ts';
import { within } from './messages.ts';
import { noting } from './note.ts';
import { peerFiles, type PeerOptions } from './peer.ts';

export type KeyOptions = Output & Pick<PeerOptions, 'authority' | 'certificate' | 'key'>;

export async function setPeerCommand(tenantName: string, name: string, options: KeyOptions): Promise<void> {
  const { authority, certificate, key } = peerFiles(options);
  if (authority === undefined && certificate === undefined) {
    throw outcomeError('invalid', 'Name what changes: --authority, or --certificate with --key.');
  }
  const id = await within(tenantName, async (inside) => {
    const { server, tenant, database } = inside;
    const { interface: own } = await namedInterface(inside, name);
    if (own.out === undefined) throw outcomeError('invalid', 'This interface sends nothing: it has no peer.');
    const secret =
      key === undefined ? undefined : await encryptSecret(keyPlace(server, tenant.id, own.id), Buffer.from(key));
    const before = await readPeer(sessionOf(server, tenant), own.id);
    const now = {
      operatorAddress: before.operatorAddress,
      authority: authority ?? before.authority,
      certificate: certificate ?? before.certificate,
      secret: secret ?? before.secret,
    };
    await noting(
      database,
      tenant,
      { kind: 'settings-changed', deed: 'makhbar interface peer' },
      {
        work: (session) => setPeer(session, own.id, now),
        further: () => [thing('setting', `interface ${own.id}`)],
      },
    );
    return own.id;
  });
  print(options, { id }, `Endpoint/${id} has other keys; they hold from its next connection on.`);
}
