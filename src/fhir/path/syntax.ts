/**
 * The syntax tree of a FHIRPath expression (http://hl7.org/fhirpath/N1/, section 11 "Formal specifications").
 *
 * A `source` that is absent means the focus of the surrounding expression: `name.given` is a member of a member of the
 * focus, `exists()` is a call on the focus.
 */

export type LiteralType =
  | 'System.Boolean'
  | 'System.String'
  | 'System.Integer'
  | 'System.Decimal'
  | 'System.Date'
  | 'System.DateTime'
  | 'System.Time'
  | 'System.Quantity';

export type Expression =
  | { kind: 'empty' }
  /** `text` is the literal without quotes and `@`; `unit` belongs to quantities. */
  | { kind: 'literal'; type: LiteralType; text: string; unit?: string }
  | { kind: 'variable'; name: string }
  | { kind: 'special'; name: '$this' | '$index' | '$total' }
  | { kind: 'member'; source?: Expression; name: string }
  | { kind: 'call'; source?: Expression; name: string; arguments: Expression[] }
  | { kind: 'item'; source: Expression; index: Expression }
  | { kind: 'sign'; operator: '+' | '-'; operand: Expression }
  | { kind: 'operation'; operator: string; left: Expression; right: Expression }
  | { kind: 'type'; operator: 'is' | 'as'; operand: Expression; type: string };
