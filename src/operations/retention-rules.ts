/**
 * How long data are kept, for the data protection officer (manage/privacy). Changes need a fresh second factor.
 *
 *   GET  [base]/$retention-rules                              200: rule (0..*)
 *   POST [base]/$retention-rule-set   category period basis   200: rule
 *
 * period is P90D, P18M or P2Y, `none` (kept until told otherwise) or `usual` (back to what the server says; without basis).
 * removes=false: the server has no data of the category yet, or does not remove them by itself.
 */
import type { JsonObject } from '../fhir/json.ts';
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { categories, categoryNames, isCategory, type CategoryName, type Rule } from '../retention/categories.ts';
import { expiring, holdings } from '../retention/catalog.ts';
import { days, isPeriod } from '../retention/period.ts';
import { dropRule, readOwnRules, writeRule, type OwnRule } from '../store/retention.ts';
import type { Session } from '../store/pool.ts';
import { optional, recorded, required } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';
import { checkSoleDeed } from './privacy.ts';

export async function retentionRules(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  return answer(await parts(context.session, categoryNames));
}

export async function retentionRuleSet(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$retention-rule-set');
  const input = await operationInput(context, call, ['category', 'period', 'basis']);
  const category = categoryOf(required(input, 'category'));
  const rule = ruleOf(input, category);
  const by = context.caller.subject;
  await recorded(
    context,
    async (session) => {
      await (rule === undefined ? dropRule(session, category) : writeRule(session, { category, ...rule, by }));
    },
    () => thing('setting', `retention of ${category}`),
  );
  return answer(await parts(context.session, [category]));
}

/** @throws OutcomeError `value` */
export function categoryOf(name: string): CategoryName {
  if (isCategory(name)) return name;
  const known = categoryNames.join(', ');
  throw outcomeError('value', `There is no category "${name.slice(0, 40)}"; there are ${known}.`, { status: 400 });
}

/** Undefined: what is usual. */
function ruleOf(input: Input, category: CategoryName): Rule | undefined {
  const period = required(input, 'period');
  if (period === 'usual') return undefined;
  const basis = (optional(input, 'basis') ?? '').trim();
  if (basis.length < 3 || basis.length > 500 || basis.includes('\0')) {
    throw outcomeError('required', 'basis names the law or contract, in 3 to 500 characters.', { status: 400 });
  }
  if (period === 'none') return { period: undefined, basis };
  const { shortest } = categories[category];
  if (!isPeriod(period)) {
    const sentence = `period is like P90D, P18M or P2Y, none or usual, not "${period.slice(0, 40)}".`;
    throw outcomeError('value', sentence, { status: 400 });
  }
  if (days(period) < days(shortest)) {
    throw outcomeError('business-rule', `${category} is kept for ${shortest} at least.`, { status: 422 });
  }
  return { period, basis };
}

async function parts(session: Session, names: readonly CategoryName[]): Promise<JsonObject[]> {
  const own = new Map((await readOwnRules(session)).map((rule) => [rule.category, rule]));
  return names.map((name) => rulePart(name, own.get(name)));
}

function rulePart(name: CategoryName, own: OwnRule | undefined): JsonObject {
  const { title, usual, shortest } = categories[name];
  const { period, basis } = own ?? usual;
  return {
    name: 'rule',
    part: [
      { name: 'category', valueCode: name },
      { name: 'title', valueString: title },
      { name: 'period', valueString: period ?? 'none' },
      { name: 'basis', valueString: basis },
      { name: 'shortest', valueString: shortest },
      { name: 'removes', valueBoolean: holdings[name] !== undefined || expiring.has(name) },
      ...(own === undefined
        ? []
        : [
            { name: 'changed', valueInstant: own.changed },
            { name: 'by', valueString: own.by },
          ]),
    ],
  };
}

function answer(parameter: JsonObject[]): Answer {
  return { status: 200, resource: { resourceType: 'Parameters', parameter } };
}
