/** Control results: Observations of the category `control`, without a patient. */
import { numberText, setMember, type JsonObject } from '../../../fhir/json.ts';
import { parseStored } from '../../../interactions/document.ts';
import { findMatches } from '../../../interactions/matches.ts';
import type { ChartPoint } from '../../../laboratory/quality/levey-jennings.ts';
import { extensions, extensionUrl, isObject, objects, part, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';

export const controlCategory = { system: 'urn:makhbar:observation-category', code: 'control' } as const;

/** Two years of three levels a day, and some. */
const most = 10_000;

export interface ControlPointOf extends ChartPoint {
  readonly id: string;
  readonly lot: string;
  /** As they were judged when they were stored. */
  readonly broken: readonly string[];
}

export interface Asked {
  /** `system|code`s of the analyte. */
  readonly tokens: readonly string[];
  readonly device: string;
  readonly from?: string;
  readonly to?: string;
}

export async function controlPoints(context: Context, asked: Asked): Promise<ControlPointOf[]> {
  const found = await findMatches(
    context,
    'Observation',
    [
      ['category', `${controlCategory.system}|${controlCategory.code}`],
      ['code', asked.tokens.join()],
      ['device', asked.device],
      ['status', 'final,amended,corrected'],
      ...(asked.from === undefined ? [] : [['date', `ge${asked.from}`] as const]),
      ...(asked.to === undefined ? [] : [['date', `le${asked.to}`] as const]),
    ],
    most,
  );
  return found
    .flatMap(({ text: stored }) => pointOf(parseStored(stored)) ?? [])
    .toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
}

function pointOf(observation: JsonObject): ControlPointOf | undefined {
  const [extension] = extensions(observation, 'control');
  const word = (name: string): string => text(part(extension, name)?.['valueString']) ?? '';
  const number = (name: string): number => Number(part(extension, name)?.['valueDecimal']);
  const quantity = observation['valueQuantity'];
  if (extension === undefined || !isObject(quantity) || typeof quantity['value'] !== 'number') return undefined;
  return {
    id: text(observation['id']) ?? '',
    time: text(observation['effectiveDateTime']) ?? '',
    level: word('level'),
    lot: word('lot'),
    run: word('run'),
    mean: number('mean'),
    sd: number('sd'),
    value: quantity['value'],
    broken: objects(extension['extension']).flatMap(({ url, valueString }) =>
      url === 'broken' ? (text(valueString) ?? []) : [],
    ),
  };
}

export interface Control {
  readonly level: string;
  readonly lot: string;
  readonly run: string;
  readonly mean: string;
  readonly sd: string;
  readonly broken: readonly string[];
}

export function controlExtension({ level, lot, run, mean, sd, broken }: Control): JsonObject {
  const decimal = (url: string, written: string): JsonObject => {
    const element: JsonObject = { url };
    setMember(element, 'valueDecimal', Number(written), written);
    return element;
  };
  return {
    url: extensionUrl('control'),
    extension: [
      { url: 'level', valueString: level },
      { url: 'lot', valueString: lot },
      { url: 'run', valueString: run },
      decimal('mean', mean),
      decimal('sd', sd),
      ...broken.map((valueString) => ({ url: 'broken', valueString })),
    ],
  };
}

/** The exact text of a decimal parameter. */
export function decimalPart(element: JsonObject | undefined): string | undefined {
  if (typeof element?.['valueDecimal'] === 'number') return numberText(element, 'valueDecimal');
  return text(element?.['valueString']);
}
