/**
 * The table of categories that the server has data of: how they are counted and removed.
 */
import { auditLog } from './audit-log.ts';
import type { CategoryName } from './categories.ts';
import type { Holding } from './holding.ts';
import { clinical } from './clinical.ts';
import { communication } from './letters.ts';
import { accounts, messages, usage } from './rows.ts';

export const holdings: Partial<Readonly<Record<CategoryName, Holding>>> = {
  usage,
  accounts,
  messages,
  clinical,
  communication,
  'security-log': auditLog,
  audit: auditLog,
};

/** Each thing of these goes by itself when its time is over, which the rule said when it was made (jobs/expire-exports.ts). */
export const expiring: ReadonlySet<string> = new Set<CategoryName>(['exports']);

export const heldCategories = Object.keys(holdings) as CategoryName[];
