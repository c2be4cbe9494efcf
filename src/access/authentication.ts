/**
 * How somebody signed in: the value of `acr` in tokens and sessions, and how fresh it is (auth_time).
 *
 * Decision: names of our own. Those that are registered (RFC 6711) are levels of whole schemes of identity proofing,
 * which a laboratory that invites its staff does not follow; a name that says too much would be believed.
 */
export const passwordAcr = 'urn:makhbar:acr:password';
/** A password and a one-time code, a passkey or a recovery code. */
export const secondFactorAcr = 'urn:makhbar:acr:second-factor';
/** The person who runs the machine, with a token that the machine itself made. */
export const operatorAcr = 'urn:makhbar:acr:operator';

export interface Authentication {
  readonly acr?: string | undefined;
  /** When the person last showed it: seconds since 1970. */
  readonly authTime?: number | undefined;
}

/** Clocks of two processes differ a little. */
const tolerance = 5;

/** Whether the person showed a second factor at most so many seconds ago. */
export function isFreshSecondFactor({ acr, authTime }: Authentication, seconds: number, now: number): boolean {
  if (acr !== secondFactorAcr && acr !== operatorAcr) return false;
  if (authTime === undefined) return false;
  const age = now / 1_000 - authTime;
  return age >= -tolerance && age <= seconds + tolerance;
}

/** Characters that every password has at least; a laboratory may ask for more. */
export const shortestPassword = 12;
