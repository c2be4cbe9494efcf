/** How far a person is who signs in: the password was right, the second factor is still to come. */
import type { Account } from '../../store/accounts.ts';
import type { Laboratory } from '../laboratory.ts';

/** Kept on the server or signed, never as the browser says. */
export interface SignInProgress {
  /** Id of the account whose password was right. */
  readonly account?: string | undefined;
  /** When it was: seconds since 1970. */
  readonly at?: number | undefined;
  /** When that password was set: with another one, what was shown counts no more. */
  readonly passwordSet?: string | undefined;
}

/** The password of this account was right, just now. */
export function passwordProgress({ identity }: Laboratory, { id, passwordSet }: Account): SignInProgress {
  return { account: id, at: Math.floor(identity.now() / 1_000), passwordSet };
}
