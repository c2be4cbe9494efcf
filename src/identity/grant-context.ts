/** What belongs to one authorization besides its scopes: the launch context, and how the person signed in. */
import { readContext, writeContext } from '../store/oidc.ts';
import type { Laboratory } from './laboratory.ts';

/** Members of the token response, named as SMART names them. */
export interface LaunchContext {
  readonly patient?: string;
  readonly encounter?: string;
  readonly fhirContext?: readonly object[];
  readonly need_patient_banner?: boolean;
  readonly intent?: string;
}

export interface GrantContext {
  readonly launch: LaunchContext;
  /** Practitioner/7 */
  readonly fhirUser?: string | undefined;
  readonly acr?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  /** When the person signed in, in seconds since 1970. */
  readonly authTime?: number | undefined;
}

export async function grantContext({ identity, tenant }: Laboratory, grantId: string): Promise<GrantContext> {
  const text = await readContext(identity.database, tenant.id, { kind: 'Grant', id: grantId });
  return text === undefined ? { launch: {} } : (JSON.parse(text) as GrantContext);
}

export async function keepGrantContext(
  { identity, tenant }: Laboratory,
  grantId: string,
  context: GrantContext,
): Promise<void> {
  await writeContext(identity.database, tenant.id, { kind: 'Grant', id: grantId }, JSON.stringify(context));
}
