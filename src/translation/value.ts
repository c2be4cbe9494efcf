/**
 * OBX-2, OBX-5, OBX-6 and OBX-7 → Observation.value[x] and referenceRange. v2-to-FHIR segment map OBX[Observation].
 *
 * 1. A number keeps its digits: `4.10` is 4.10. What is no number though OBX-2 says NM is a text, as it was written.
 * 2. `<0.01` is a Quantity with a comparator, whatever OBX-2 says it is (NM, SN, ST): a result below the limit of
 *    detection must not look like a text to who searches for numbers.
 * 3. A range is read where it can be (`3.5-5.1`, `<0.01`, `> 60`, decimal comma), and its text is always kept.
 */
import { setMember, type JsonObject } from '../fhir/json.ts';
import type { FieldReader, Repetition } from '../hl7v2/message.ts';
import { codingSystem } from './codes.ts';
import { concept, object } from './datatypes.ts';
import { dateTime } from './times.ts';
import type { Target } from './translation.ts';

const number = /^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)$/;
export const compared = /^(<=|>=|<|>)\s*([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+))$/;

/** The text of a JSON number; undefined for what is none. A comma is a decimal point: HL7 has no other use of it there. */
export function decimalText(text: string): string | undefined {
  const trimmed = text.trim();
  if (!number.test(trimmed)) return undefined;
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)(\d*)[.,]?(\d*)$/.exec(trimmed) ?? [];
  const digits = whole.replace(/^0+(?=\d)/, '') || '0';
  return `${sign === '-' ? '-' : ''}${digits}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Puts a number with its digits into an object. */
export function withDecimal(target: JsonObject, member: string, text: string): JsonObject {
  setMember(target, member, Number(text), text);
  return target;
}

/** value[x]; an empty object where OBX-5 says nothing. */
export function observationValue(target: Target, obx: FieldReader, sequence: number): JsonObject {
  const place = { segment: 'OBX', sequence, field: 5 };
  const first = obx.first(5);
  if (first.empty) return {};
  const type = obx.text(2).toUpperCase();
  const unit = quantityUnit(obx.first(6));
  if (type === 'NM' || type === 'ST' || type === 'TX' || type === '' || type === 'SN') {
    const quantity = type === 'SN' ? structured(first, unit) : numeric(first.text(1), unit, type);
    if (quantity !== undefined) return quantity;
  }
  switch (type) {
    case 'CE':
    case 'CWE':
    case 'CNE':
    case 'CF':
    case 'IS':
    case 'ID': {
      const value = concept(target, first, place);
      return value === undefined ? {} : { valueCodeableConcept: value };
    }
    case 'DT':
    case 'TS':
    case 'DTM': {
      const value = dateTime(first.text(1), target.settings.zone);
      return value === undefined ? { valueString: first.text(1) } : { valueDateTime: value };
    }
    case 'TM': {
      const value = time(first.text(1));
      return value === undefined ? { valueString: first.text(1) } : { valueTime: value };
    }
    default:
      return { valueString: allText(obx, type) };
  }
}

/** Repetitions of a text are its lines; what has components is shown as it came. */
function allText(obx: FieldReader, type: string): string {
  const plain = type === '' || ['ST', 'TX', 'FT', 'NM', 'SN', 'NA'].includes(type);
  return obx
    .repetitions(5)
    .map((one) => (plain && one.components === 1 ? one.text(1) : one.raw))
    .join('\n');
}

/** A number, or a number that was compared; in ST and TX only the latter, and only where a unit is there. */
function numeric(text: string, unit: JsonObject, type: string): JsonObject | undefined {
  const [, comparator, limit = ''] = compared.exec(text.trim()) ?? [];
  if (comparator !== undefined) {
    const digits = decimalText(limit);
    return digits === undefined || (type !== 'NM' && Object.keys(unit).length === 0)
      ? undefined
      : { valueQuantity: withDecimal({ comparator, ...unit }, 'value', digits) };
  }
  const digits = type === 'NM' ? decimalText(text) : undefined;
  return digits === undefined ? undefined : { valueQuantity: withDecimal({ ...unit }, 'value', digits) };
}

/** SN: comparator, number, separator, number. §2.A.70 */
function structured(sn: Repetition, unit: JsonObject): JsonObject | undefined {
  const [sign, low, separator, high] = [sn.text(1), decimalText(sn.text(2)), sn.text(3), decimalText(sn.text(4))];
  if (low === undefined) return undefined;
  const quantity = (digits: string): JsonObject => withDecimal({ ...unit }, 'value', digits);
  if (separator === '') {
    const comparator = ['<', '>', '<=', '>='].includes(sign) ? sign : undefined;
    if (sign !== '' && sign !== '=' && comparator === undefined) return undefined;
    return { valueQuantity: withDecimal(object({ comparator, ...unit }), 'value', low) };
  }
  if (separator === '-' && high !== undefined) return { valueRange: { low: quantity(low), high: quantity(high) } };
  if ((separator === ':' || separator === '/') && high !== undefined) {
    return { valueRatio: { numerator: quantity(low), denominator: withDecimal({}, 'value', high) } };
  }
  return separator === '+' ? { valueString: `${low}+` } : undefined;
}

/** CWE of a unit: UCUM where it is named, else the text alone. */
export function quantityUnit(cwe: Repetition): JsonObject {
  const [code, display, name] = [cwe.text(1), cwe.text(2), cwe.text(3)];
  const [other, otherDisplay, otherName] = [cwe.text(4), cwe.text(5), cwe.text(6)];
  if (code === '' && display === '' && other === '') return {};
  if (codingSystem(name) === 'http://unitsofmeasure.org' && code !== '') {
    return { unit: display || code, system: 'http://unitsofmeasure.org', code };
  }
  if (codingSystem(otherName) === 'http://unitsofmeasure.org' && other !== '') {
    return { unit: code || otherDisplay || other, system: 'http://unitsofmeasure.org', code: other };
  }
  return { unit: display || code };
}

function time(text: string): string | undefined {
  const [, hour, minute, second = '00', fraction = ''] =
    /^(\d{2})(\d{2})(\d{2})?(\.\d{1,4})?(?:[+-]\d{4})?$/.exec(text) ?? [];
  return hour === undefined || Number(hour) > 23 || Number(minute) > 59
    ? undefined
    : `${hour}:${minute}:${second}${fraction}`;
}

/** OBX-7 with the unit of the result. */
export function referenceRange(obx: FieldReader): JsonObject[] {
  const text = obx
    .repetitions(7)
    .map((one) => one.text(1))
    .filter((one) => one !== '')
    .join('; ');
  if (text === '') return [];
  return [rangeOf(text, quantityUnit(obx.first(6)))];
}

/** What can be read of it, and its text. @param unit members of a Quantity */
export function rangeOf(text: string, unit: JsonObject): JsonObject {
  const quantity = (digits: string): JsonObject => withDecimal({ ...unit }, 'value', digits);
  const bound = /^\s*([+-]?[\d.,]+)\s*(?:-|–|to)\s*([+-]?[\d.,]+)\s*$/i.exec(text);
  const [low, high] = [decimalText(bound?.[1] ?? ''), decimalText(bound?.[2] ?? '')];
  if (low !== undefined && high !== undefined && Number(low) <= Number(high)) {
    return { low: quantity(low), high: quantity(high), text };
  }
  const [, sign, limit = ''] = compared.exec(text.trim()) ?? [];
  const digits = decimalText(limit);
  if (sign === undefined || digits === undefined) return { text };
  return sign.startsWith('<') ? { high: quantity(digits), text } : { low: quantity(digits), text };
}
