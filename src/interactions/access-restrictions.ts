/**
 * What binds a caller besides the permits: the table of restrictions, all of which must hold. Each gives `all` where it
 * has nothing to say, so that callers it does not concern keep their fast statements.
 */
import type { Permission } from '../access/scopes.ts';
import type { Context } from '../request.ts';
import type { Condition } from '../search/ast.ts';
import { consentRestriction } from './consent-restriction.ts';
import { labelRestriction } from './label-restriction.ts';
import { processingRestriction } from './processing-restriction.ts';

export type Restriction = (context: Context, type: string, permission: Permission) => Condition;

export const restrictions: readonly Restriction[] = [labelRestriction, consentRestriction, processingRestriction];
