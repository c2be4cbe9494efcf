/** How long things live, in seconds. */
import type { Laboratory } from './laboratory.ts';

const minute = 60;
const day = 86_400;
export const lifetimes = {
  code: minute,
  interaction: 15 * minute,
  idToken: 5 * minute,
  session: 12 * 3_600,
  /** Bound to the session by src/store/oidc.ts. */
  online: 12 * 3_600,
  /** From its last use. */
  offline: 90 * day,
  grant: 365 * day,
  client: 5 * minute,
};

/** Of a person's access token. */
export function accessTokenSeconds({ tenant }: Laboratory): number {
  return Math.min(60, Math.max(1, tenant.settings.accessTokenMinutes ?? 5)) * minute;
}
