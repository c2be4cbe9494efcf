/**
 * What a GraphQL request may cost. What its text shows is refused before anything is done (`checkDocument`); what it turns
 * out to read, while it reads (`Budget`). The figures are guesses that no honest client reaches.
 */
import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql';
import { outcomeError, type OutcomeError } from '../fhir/outcome.ts';

export const mostTokens = 5_000;
const mostDepth = 20;
/** With fragments put in their places: small texts with fragments in fragments double at each step. */
const mostFields = 1_000;
const mostIntrospections = 5;

/** @throws OutcomeError 400 for a document that is too deep or too wide, or that goes in a circle. */
export function checkDocument(document: DocumentNode): void {
  const fragments = new Map(
    document.definitions.flatMap((one) =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one] as const] : [],
    ),
  );
  const count: Count = { fields: 0, introspections: 0, fragments, open: new Set() };
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION || definition.kind === Kind.FRAGMENT_DEFINITION) {
      walk(definition.selectionSet, 1, count);
    }
  }
}

interface Count {
  fields: number;
  introspections: number;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly open: Set<string>;
}

function walk({ selections }: SelectionSetNode, depth: number, count: Count): void {
  if (depth > mostDepth) throw tooMuch(`is more than ${mostDepth} levels deep`);
  for (const selection of selections) {
    if (++count.fields > mostFields) throw tooMuch(`selects more than ${mostFields} fields`);
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      spread(selection.name.value, depth, count);
      continue;
    }
    const introspects = selection.kind === Kind.FIELD && /^__(schema|type)$/.test(selection.name.value);
    if (introspects && ++count.introspections > mostIntrospections) {
      throw tooMuch(`asks for the schema more than ${mostIntrospections} times`);
    }
    if (selection.selectionSet) walk(selection.selectionSet, depth + 1, count);
  }
}

function spread(name: string, depth: number, count: Count): void {
  const fragment = count.fragments.get(name);
  if (fragment === undefined) return;
  if (count.open.has(name)) throw tooMuch(`has the fragment ${name.slice(0, 40)} within itself`);
  count.open.add(name);
  walk(fragment.selectionSet, depth + 1, count);
  count.open.delete(name);
}

function tooMuch(what: string): OutcomeError {
  return outcomeError('too-costly', `The GraphQL document ${what}.`, { status: 400 });
}

const most = { resources: 10_000, searches: 1_000, values: 200_000, milliseconds: 1_000 } as const;
type Good = keyof typeof most;

const names: Readonly<Record<Good, string>> = {
  resources: `reads more than ${most.resources} resources`,
  searches: `makes more than ${most.searches} searches`,
  values: `has an answer of more than ${most.values} values`,
  milliseconds: `spends more than ${most.milliseconds} ms on FHIRPath`,
};

/** What is left to a request. Once overdrawn it stays so: whatever still runs ends at its next step. */
export interface Budget {
  /** @throws OutcomeError `too-costly`. */
  spend(good: Good, amount: number): void;
}

export function makeBudget(): Budget {
  const spent: Record<Good, number> = { resources: 0, searches: 0, values: 0, milliseconds: 0 };
  let refusal: OutcomeError | undefined;
  return {
    spend(good, amount) {
      spent[good] += amount;
      if (spent[good] > most[good]) {
        refusal ??= outcomeError('too-costly', `The GraphQL request ${names[good]}; ask for less at once.`);
      }
      if (refusal !== undefined) throw refusal;
    },
  };
}
