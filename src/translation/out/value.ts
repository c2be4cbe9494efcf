/**
 * Observation.value[x] → OBX-2, OBX-5, OBX-6; referenceRange → OBX-7. The way back of ../value.ts. HL7 v2.5.1 §7.4.2, §2.A.
 *
 * 1. A number has the digits that it has in the resource; NM knows no exponent, so that one is written out.
 * 2. A number with a comparator, a range and a ratio are SN: a text would not be found by who searches for numbers.
 */
import { numberText, type JsonObject } from '../../fhir/json.ts';
import { concept, systemName } from './datatypes.ts';
import { list, member, since, string, type Writing } from './source.ts';
import { timeText } from './times.ts';
import { components, repetitions, text } from './writer.ts';

export interface Value {
  /** OBX-2, OBX-5, OBX-6. */
  readonly type: string;
  readonly value: string;
  readonly unit?: string;
}

type Write = (value: unknown, writing: Writing) => Value;

const coded = (value: unknown, writing: Writing): Value => ({
  type: since(writing.version, '2.5') ? 'CWE' : 'CE',
  value: concept(value, writing),
});

const plain = (value: unknown): Value => {
  const words = string(value);
  return { type: /[\r\n]/.test(words) ? 'FT' : words.length > 199 ? 'TX' : 'ST', value: text(words) };
};

const writes: Readonly<Record<string, Write>> = {
  valueQuantity: (value, writing) => quantity(value as JsonObject, writing),
  valueCodeableConcept: coded,
  valueString: plain,
  valueBoolean: (value, writing) =>
    coded(
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/v2-0136',
            code: value === true ? 'Y' : 'N',
            display: value === true ? 'Yes' : 'No',
          },
        ],
      },
      writing,
    ),
  valueInteger: (value) => ({ type: 'NM', value: string(value) }),
  valueRange: (value, writing) => {
    const [low, high] = ['low', 'high'].map((name) => member(value, name));
    const unit = unitText(low ?? high, writing);
    if (low === undefined) return { type: 'SN', value: components('<=', decimal(high)), unit };
    if (high === undefined) return { type: 'SN', value: components('>=', decimal(low)), unit };
    return { type: 'SN', value: components('', decimal(low), '-', decimal(high)), unit };
  },
  valueRatio: (value, writing) => {
    const [numerator, denominator] = ['numerator', 'denominator'].map((name) => member(value, name));
    const written = components('', decimal(numerator), ':', decimal(denominator));
    return { type: 'SN', value: written, unit: unitText(numerator, writing) };
  },
  valueDateTime: (value, { version, zone }) => ({
    type: since(version, '2.6') ? 'DTM' : 'TS',
    value: timeText(value, zone),
  }),
  valueTime: (value) => ({ type: 'TM', value: string(value).replaceAll(':', '').slice(0, 11) }),
  valuePeriod: (value, { zone }) => ({
    type: 'DR',
    value: components(timeText(member(value, 'start'), zone), timeText(member(value, 'end'), zone)),
  }),
  valueSampledData: (value) => ({ type: 'NA', value: string(member(value, 'data')).split(' ').map(text).join('^') }),
};

/** No value where the observation has none. */
export function valueOf(observation: JsonObject, writing: Writing): Value | undefined {
  for (const [name, write] of Object.entries(writes)) {
    const value = observation[name];
    if (value !== undefined) return write(value, writing);
  }
  return undefined;
}

function quantity(value: JsonObject, writing: Writing): Value {
  const unit = unitText(value, writing);
  const comparator = string(value['comparator']);
  if (value['value'] === undefined) return { type: 'ST', value: '', unit };
  if (comparator === '') return { type: 'NM', value: decimal(value), unit };
  return { type: 'SN', value: components(text(comparator), decimal(value)), unit };
}

/** The digits of a Quantity's number. */
function decimal(value: JsonObject | undefined): string {
  return value?.['value'] === undefined ? '' : withoutExponent(numberText(value, 'value'));
}

/** `1.50e2` → `150`, `5e-3` → `0.005`. */
export function withoutExponent(number: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = ''] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  if (exponent === '' || Math.abs(Number(exponent)) > 100) return number;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return `${sign}${(digits + '0'.repeat(point - digits.length)).replace(/^0+(?=\d)/, '')}`;
  return `${sign}${digits.slice(0, point).replace(/^0+(?=\d)/, '')}.${digits.slice(point)}`;
}

/** CWE of a unit. */
export function unitText(value: JsonObject | undefined, writing: Writing): string {
  const [code, unit, system] = [value?.['code'], value?.['unit'], value?.['system']].map(string) as [
    string,
    string,
    string,
  ];
  if (code === '') return text(unit);
  return components(text(code), text(unit), text(systemName(system, writing)));
}

/** OBX-7: the text as people wrote it, else made of the limits. */
export function rangeText(observation: JsonObject): string {
  return repetitions(
    list(observation['referenceRange']).map((range) => {
      const words = string(range['text']);
      const [low, high] = ['low', 'high'].map((name) => decimal(member(range, name))) as [string, string];
      if (words !== '') return text(words);
      if (low !== '' && high !== '') return `${low}-${high}`;
      return low !== '' ? text(`>=${low}`) : high !== '' ? text(`<=${high}`) : '';
    }),
  );
}
