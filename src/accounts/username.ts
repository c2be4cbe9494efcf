/** Names of users: compared in NFKC and lower case, so that what looks alike to a person who types it is alike. */
import { outcomeError } from '../fhir/outcome.ts';

/** The form in which a name is stored and compared. */
export function canonicalUsername(written: string): string {
  return written.normalize('NFKC').trim().toLowerCase();
}

/** Letters and digits of any script, and what stands in e-mail addresses. */
const pattern = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]{1,99}$/u;

/** Whether a canonical name can be one at all: what cannot is not asked of the database, which takes no null character. */
export function isUsername(name: string): boolean {
  return pattern.test(name);
}

/** @throws OutcomeError `invalid` */
export function checkedUsername(written: string): string {
  const name = canonicalUsername(written);
  if (isUsername(name)) return name;
  throw outcomeError(
    'invalid',
    'A username takes 2 to 100 letters, digits and . _ @ + - and begins with a letter or digit.',
    { status: 400 },
  );
}
