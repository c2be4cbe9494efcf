/**
 * FHIR's primitive types as scalars of GraphQL, and the directives that reorganise the answer.
 * https://hl7.org/fhir/R4/graphql.html
 *
 * A decimal keeps its digits: where a JavaScript number would lose them, the scalar's value is an ExactNumber, which
 * graphql-answer.ts writes as it is.
 */
import {
  DirectiveLocation,
  GraphQLBoolean,
  GraphQLDirective,
  GraphQLID,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLScalarType,
  GraphQLString,
  Kind,
  specifiedDirectives,
} from 'graphql';
import { outcomeError } from '../fhir/outcome.ts';

const exactText = Symbol('digits as written');

export interface ExactNumber {
  readonly [exactText]: string;
}

/** A number, or its text where that says more. */
export function numberValue(value: number, text: string): number | ExactNumber {
  return String(value) === text ? value : { [exactText]: text };
}

/** The text of an ExactNumber; undefined for everything else. */
export function exactTextOf(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null && exactText in value
    ? (value as ExactNumber)[exactText]
    : undefined;
}

const builtIn: Readonly<Record<string, GraphQLScalarType>> = {
  string: GraphQLString,
  boolean: GraphQLBoolean,
  integer: GraphQLInt,
  positiveInt: GraphQLInt,
  unsignedInt: GraphQLInt,
  id: GraphQLID,
};

const scalars = new Map<string, GraphQLScalarType>();

/** The scalar of a FHIR primitive type. */
export function scalarOf(code: string): GraphQLScalarType {
  let scalar = builtIn[code] ?? scalars.get(code);
  if (scalar === undefined) {
    scalar = new GraphQLScalarType({ name: code, coerceOutputValue: (value) => value });
    scalars.set(code, scalar);
  }
  return scalar;
}

/** What arguments take: `use: official`, `use: "official"`, `active: true`, `_count: 5`, all as text. */
export const literal = new GraphQLScalarType<string, string>({
  name: 'Literal',
  description: 'A string, number, boolean or bare word, taken as text.',
  coerceOutputValue: (value) => String(value),
  coerceInputValue: (value) => {
    if (['string', 'number', 'boolean'].includes(typeof value)) return String(value);
    throw outcomeError('invalid', 'An argument must be a string, a number, a boolean or a word.', { status: 400 });
  },
  coerceInputLiteral: (node) => {
    if (node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT) return node.value;
    return node.kind === Kind.ENUM || node.kind === Kind.BOOLEAN ? String(node.value) : undefined;
  },
});

const onField = { locations: [DirectiveLocation.FIELD] };

export const directives = [
  ...specifiedDirectives,
  new GraphQLDirective({ name: 'flatten', ...onField }),
  new GraphQLDirective({ name: 'first', ...onField }),
  new GraphQLDirective({ name: 'singleton', ...onField }),
  new GraphQLDirective({ name: 'slice', ...onField, args: { path: { type: new GraphQLNonNull(GraphQLString) } } }),
];
