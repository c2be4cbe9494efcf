/** near of Location: `latitude|longitude[|distance[|unit]]`. https://hl7.org/fhir/R4/location.html#search */
import { or, type Condition } from './ast.ts';
import type { Given, Modifiers } from './context.ts';
import { canonicalUnit } from './ucum.ts';
import { badValue, split, unescape } from './value.ts';
import { decimalText, parseDecimal } from '../fhir/decimal.ts';

/** Where no distance is given the server chooses: a city's width. */
const defaultKilometres = 10;

function one(given: Given, value: string): Condition {
  const [latitudeText = '', longitudeText = '', distanceText = '', unit = 'km'] = split(value, '|').map(unescape);
  const latitude = Number(latitudeText || Number.NaN);
  const longitude = Number(longitudeText || Number.NaN);
  if (!(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180)) {
    throw badValue(given.text, value, 'near is latitude|longitude|distance|unit, in degrees of WGS84.');
  }
  const kilometres = distanceText === '' ? defaultKilometres : distanceIn(distanceText, unit || 'km');
  if (kilometres === undefined)
    throw badValue(given.text, value, 'the distance must be a number with a UCUM unit of length.');
  return { kind: 'near', latitude, longitude, kilometres };
}

function distanceIn(text: string, unit: string): number | undefined {
  const number = parseDecimal(text);
  const canonical = canonicalUnit(unit);
  if (number === undefined || number.digits < 0n || canonical?.key !== canonicalUnit('m')?.key) return undefined;
  return Number(decimalText(canonical?.convert(number) ?? number)) / 1_000;
}

export const nearModifiers: Modifiers = { '': (given) => or(given.values.map((value) => one(given, value))) };
