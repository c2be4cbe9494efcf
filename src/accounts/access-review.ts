/** The report for the periodic access review: who has which role since when, given by whom, and used when last. */
import { listAccounts, rolesHeld, type Account, type HeldRole } from '../store/accounts.ts';
import { readFactors, type FactorKind } from '../store/factors.ts';
import type { Session } from '../store/pool.ts';

export interface Reviewed {
  readonly account: Account;
  readonly roles: readonly HeldRole[];
  readonly factors: readonly FactorKind[];
}

const page = 1_000;

/** Every account, disabled ones too, by name. */
export async function accessReview(session: Session): Promise<Reviewed[]> {
  const found: Reviewed[] = [];
  for (let after: string | undefined = ''; after !== undefined;) {
    const accounts: Account[] = await listAccounts(session, after, page);
    found.push(...(await withDetails(session, accounts)));
    after = accounts.length === page ? accounts.at(-1)?.username : undefined;
  }
  return found;
}

export async function withDetails(session: Session, accounts: readonly Account[]): Promise<Reviewed[]> {
  const ids = accounts.map(({ id }) => id);
  const held = await rolesHeld(session, ids);
  const factors = Map.groupBy(await readFactors(session, ids), ({ account }) => account);
  return accounts.map((account) => ({
    account,
    roles: held.get(account.id) ?? [],
    factors: [...new Set((factors.get(account.id) ?? []).map(({ kind }) => kind))],
  }));
}
