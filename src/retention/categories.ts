/**
 * The categories of what a laboratory stores, and how long each is kept where the laboratory says nothing else. Pure.
 *
 * What the law asks for differs from country to country: the defaults are a starting point, and the laboratory names the law
 * or contract when it sets a rule of its own.
 */

export interface Rule {
  /** ISO 8601, P2Y; undefined: kept until told otherwise. */
  readonly period: string | undefined;
  /** The law or contract. */
  readonly basis: string;
}

export interface Category {
  /** What it is, for people. */
  readonly title: string;
  readonly usual: Rule;
  /** No rule is shorter. */
  readonly shortest: string;
}

export const categories = {
  clinical: {
    title: 'Patients, orders, specimens, results and what belongs to them',
    usual: { period: undefined, basis: 'As the laboratory directs' },
    shortest: 'P1Y',
  },
  audit: {
    title: 'Who saw and changed what of patients (AuditEvent)',
    usual: { period: 'P10Y', basis: 'As long as claims about treatment can be made; laws name 6 to 10 years' },
    shortest: 'P1Y',
  },
  'security-log': {
    title: 'Sign-ins, tokens, refusals and changes of configuration (AuditEvent) that name no patient',
    usual: { period: 'P1Y', basis: 'Security of processing (GDPR Art. 32)' },
    shortest: 'P90D',
  },
  messages: {
    title: 'HL7 v2 and ASTM messages as they were received and sent',
    usual: { period: 'P90D', basis: 'Security of processing: to send again what was lost' },
    shortest: 'P30D',
  },
  exports: {
    title: 'Files of bulk exports',
    usual: { period: 'P7D', basis: 'Needed until they are fetched' },
    shortest: 'P1D',
  },
  accounts: {
    title:
      'Accounts that were disabled, expired invitations, and applications that registered themselves and were never used',
    usual: { period: 'P2Y', basis: 'Security of processing: who an account was' },
    shortest: 'P30D',
  },
  usage: {
    title: 'How much was used, by day',
    usual: { period: 'P2Y', basis: 'Contract: what is billed can be checked' },
    shortest: 'P90D',
  },
  communication: {
    title: 'Letters and messages to patients and senders',
    usual: { period: 'P3Y', basis: 'Limitation of claims' },
    shortest: 'P30D',
  },
} as const satisfies Record<string, Category>;

export type CategoryName = keyof typeof categories;

export const categoryNames = Object.keys(categories) as CategoryName[];

export function isCategory(name: string): name is CategoryName {
  return Object.hasOwn(categories, name);
}

export type Rules = Readonly<Record<CategoryName, Rule>>;

/** The rules in force: the laboratory's own, and what is usual for the rest. */
export function rulesWith(own: ReadonlyMap<string, Rule>): Rules {
  return Object.fromEntries(categoryNames.map((name) => [name, own.get(name) ?? categories[name].usual])) as Rules;
}
