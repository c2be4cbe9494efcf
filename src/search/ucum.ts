/**
 * UCUM units in canonical form: 5.4 mmol/L and 5400 umol/L become the same number of the same unit.
 *
 * 1. Units with one key are commensurable; a key holds the dimension, the mole's power and the arbitrary units, which
 *    convert only to themselves ([IU]/L to m[IU]/mL, never to mol).
 * 2. Factors are exact decimals or quotients of them: the library's float is taken as the decimal of 13 digits that it
 *    stands for, or as one over such a decimal (a minute is 1/60 hour). Where neither is short, products are rounded to
 *    12 digits on both sides.
 * https://ucum.org/ucum
 */
import ucum from '@lhncbc/ucum-lhc';
import { add, divide, multiply, parseDecimal, precision, round, type Decimal } from '../fhir/decimal.ts';

export const ucumSystem = 'http://unitsofmeasure.org';

export interface CanonicalUnit {
  readonly key: string;
  readonly convert: (value: Decimal) => Decimal;
}

interface Unit {
  magnitude_: number;
  dim_: { dimVec_: number[] | null } | null;
  moleExp_: number;
  equivalentExp_: number;
  isArbitrary_: boolean;
  cnv_: string | null;
}

const units = new Map<string, CanonicalUnit | undefined>();

/** Units in use are few; past this bound nothing more is remembered. */
const remembered = 5_000;

/** The canonical form of a UCUM code; undefined where it is no valid unit or converts by no known rule. */
export function canonicalUnit(code: string): CanonicalUnit | undefined {
  if (units.has(code)) return units.get(code);
  const unit = code.length > 100 ? undefined : canonicalise(code);
  if (units.size < remembered) units.set(code, unit);
  return unit;
}

function decimal(text: string): Decimal {
  const value = parseDecimal(text);
  if (value === undefined) throw new Error(`${text} is no decimal.`);
  return value;
}

/** Temperatures have an offset: special units of UCUM with a function instead of a factor. */
const temperatures: Readonly<Record<string, (value: Decimal) => Decimal>> = {
  Cel: (value) => add(value, decimal('273.15')),
  '[degF]': (value) => rounded(divide(multiply(add(value, decimal('459.67')), decimal('5')), decimal('9'))),
};

function rounded(value: Decimal): Decimal {
  return round(value, 12);
}

function canonicalise(code: string): CanonicalUnit | undefined {
  const unit = lookUp(code);
  if (unit === undefined) return undefined;
  const dimension = unit.dim_?.dimVec_?.join() ?? '';
  const temperature = temperatures[code];
  if (temperature !== undefined) return { key: keyOf(dimension, unit, ''), convert: temperature };
  if (unit.cnv_ !== null) return { key: `special:${code}`, convert: (value) => value };
  const arbitrary = unit.isArbitrary_ ? (code.match(/\[[^\]]+\]/g) ?? [code]).sort().join('').toLowerCase() : '';
  return { key: keyOf(dimension, unit, arbitrary), convert: conversion(unit.magnitude_) };
}

function keyOf(dimension: string, unit: Unit, arbitrary: string): string {
  return `ucum:${dimension || '0,0,0,0,0,0,0'};${unit.moleExp_};${unit.equivalentExp_};${arbitrary}`;
}

function lookUp(code: string): Unit | undefined {
  try {
    const { status, unit } = ucum.UcumLhcUtils.getInstance().getSpecifiedUnit(code, 'validate');
    return status === 'valid' ? (unit as Unit) : undefined;
  } catch {
    // The library throws at some malformed codes, as {} or 10*; they are not units.
    return undefined;
  }
}

/** A decimal of few digits is meant exactly; a float's noise has 16. */
const fewDigits = 10;

function conversion(magnitude: number): (value: Decimal) => Decimal {
  const factor = decimal(magnitude.toPrecision(13));
  if (precision(factor) <= fewDigits) return (value) => multiply(value, factor);
  const divisor = decimal((1 / magnitude).toPrecision(13));
  if (precision(divisor) <= fewDigits) return (value) => rounded(divide(value, divisor));
  return (value) => rounded(multiply(value, factor));
}
