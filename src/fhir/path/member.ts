/**
 * Where paths start and how they go on: `name`, `Patient`, `%resource`, `$this`, `[0]`.
 * http://hl7.org/fhirpath/N1/#path-selection
 *
 * Decision: a step reads the members that a name means (one, or the types of a choice) from a plan per type, made once;
 * a step remembers the plan of the type it met last, as nearly all steps meet one type only.
 */
import type { Shape } from '../definitions.ts';
import type { JsonObject } from '../json.ts';
import { outcomeError } from '../outcome.ts';
import { singleInteger, spend, type Scope } from './evaluation.ts';
import {
  collect,
  has,
  holderOf,
  holderPlan,
  none,
  planOf,
  stringNode,
  valueNode,
  type Member,
  type Node,
  type Nodes,
} from './node.ts';
import { collection, Dependence, literal, type Piece } from './piece.ts';
import { isKnownType, typeTest } from './types.ts';

export const focusPiece: Piece = collection(Dependence.focus, (scope) => scope.focus);

type TypeTest = (node: Node) => boolean;

type PlanReader = (node: Node) => readonly Member[];

function planReader(name: string, matches: TypeTest | undefined): PlanReader {
  let lastShape: Shape | undefined;
  let lastPlan: readonly Member[] = [];
  return (node) => {
    const { shape } = node;
    if (shape === undefined) {
      return holderPlan(node, name);
    }
    if (shape !== lastShape) {
      lastShape = shape;
      const plan = planOf(shape, name);
      lastPlan = matches
        ? plan.filter((member) => member.resource || matches(valueNode(undefined, member.type)))
        : plan;
    }
    return lastPlan;
  };
}

/** `source.name`. */
export function memberPiece(source: Piece, name: string, matches?: TypeTest): Piece {
  const read = planReader(name, matches);
  const run = (scope: Scope): Nodes => {
    const owners = source.run(scope);
    if (owners.length === 0) {
      return none;
    }
    const found: Node[] = [];
    for (const owner of owners) {
      collectNamed(owner, read, found);
    }
    if (found.length > 16) {
      spend(scope, found.length);
    }
    return found;
  };
  const exists = (scope: Scope): boolean => source.run(scope).some((owner) => hasNamed(owner, read));
  return { ...collection(source.dependence, run, exists), narrow: (wanted) => memberPiece(source, name, wanted) };
}

function collectNamed(owner: Node, read: PlanReader, found: Node[]): void {
  const holder = holderOf(owner);
  if (holder !== undefined) {
    for (const member of read(owner)) {
      collect(owner, holder, member, found);
    }
  }
}

function hasNamed(owner: Node, read: PlanReader): boolean {
  const holder = holderOf(owner);
  return holder !== undefined && hasAnyMember(holder, read(owner));
}

function hasAnyMember(holder: JsonObject, plan: readonly Member[]): boolean {
  for (const member of plan) {
    if (has(holder, member)) {
      return true;
    }
  }
  return false;
}

/** A name at the start of a path: of a type, which means the focus where it is of that type; or of a member. */
export function startPiece(name: string, trusted: boolean): Piece {
  if (!/^[A-Z]/.test(name)) {
    return memberPiece(focusPiece, name);
  }
  if (!trusted && !isKnownType(name)) {
    throw outcomeError('not-supported', `"${name.slice(0, 80)}" in the FHIRPath expression is not a type of FHIR R4.`);
  }
  const matches = typeTest(`FHIR.${name}`, true);
  return collection(Dependence.focus, ({ focus }) => {
    return focus.length === 1 ? (matches(focus[0]!) ? focus : none) : focus.filter(matches);
  });
}

/** `source[index]`. */
export function itemPiece(source: Piece, index: Piece): Piece {
  return collection(Math.max(source.dependence, index.dependence), (scope) => {
    const at = singleInteger(index.run(scope), 'an index');
    const item = at === undefined ? undefined : source.run(scope)[at];
    return item ? [item] : none;
  });
}

export function specialPiece(name: '$this' | '$index' | '$total'): Piece {
  switch (name) {
    case '$this':
      return focusPiece;
    case '$index':
      return collection(Dependence.focus, (scope) => [valueNode(scope.index, 'System.Integer')]);
    case '$total':
      return collection(Dependence.total, (scope) => scope.total);
  }
}

const codeSystems: Record<string, string> = {
  ucum: 'http://unitsofmeasure.org',
  sct: 'http://snomed.info/sct',
  loinc: 'http://loinc.org',
};

/** `%name`. https://hl7.org/fhir/R4/fhirpath.html#variables */
export function variablePiece(name: string): Piece {
  if (Object.hasOwn(codeSystems, name)) {
    return literal(stringNode(codeSystems[name]!));
  }
  if (/^(?:vs|ext)-./.test(name)) {
    const path = name.startsWith('vs-') ? `ValueSet/${name.slice(3)}` : `StructureDefinition/${name.slice(4)}`;
    return literal(stringNode(`http://hl7.org/fhir/${path}`));
  }
  switch (name) {
    case 'context':
      return collection(Dependence.context, (scope) => scope.evaluation.context);
    case 'resource':
      return resourcePiece((scope) => scope.evaluation.env.resource);
    case 'rootResource':
      return resourcePiece(({ evaluation: { env } }) => env.rootResource ?? env.resource);
    default:
      return collection(Dependence.resource, (scope) => givenVariable(scope, name));
  }
}

function resourcePiece(read: (scope: Scope) => Node): Piece {
  return collection(Dependence.resource, (scope) => [read(scope)]);
}

function givenVariable(scope: Scope, name: string): Nodes {
  const { variables } = scope.evaluation.env;
  if (variables === undefined || !Object.hasOwn(variables, name)) {
    throw outcomeError('not-supported', `The FHIRPath variable %${name.slice(0, 80)} is not known here.`);
  }
  return variables[name]!;
}
