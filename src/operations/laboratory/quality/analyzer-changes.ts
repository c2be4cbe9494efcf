/**
 * Calibrations and changes of the reagent lot: Observations of the category `analyzer-change` with the analyzer as subject,
 * the kind as code, the lot as value, and a component for each analyte that they concern.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { parseStored } from '../../../interactions/document.ts';
import { findMatches } from '../../../interactions/matches.ts';
import type { ChartMark } from '../../../laboratory/quality/levey-jennings.ts';
import { catalogueSystem, codeIn, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';

const category = { system: 'urn:makhbar:observation-category', code: 'analyzer-change' } as const;
const kindSystem = 'urn:makhbar:analyzer-change';

export const changeKinds = ['calibration', 'reagent-lot'] as const;

export interface AnalyzerChange {
  readonly kind: (typeof changeKinds)[number];
  readonly device: string;
  readonly analytes: readonly string[];
  readonly time: string;
  readonly lot?: string;
  readonly note?: string;
  /** `Practitioner/7` */
  readonly performer?: string;
}

export function changeObservation({ kind, device, analytes, time, ...more }: AnalyzerChange): JsonObject {
  const { lot, note, performer } = more;
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [{ coding: [category] }],
    code: { coding: [{ system: kindSystem, code: kind }] },
    subject: { reference: device },
    device: { reference: device },
    effectiveDateTime: time,
    ...(performer !== undefined && { performer: [{ reference: performer }] }),
    ...(lot !== undefined && { valueString: lot }),
    ...(note !== undefined && { note: [{ text: note }] }),
    component: analytes.map((code) => ({
      code: { coding: [{ system: catalogueSystem, code }] },
      ...(lot !== undefined ? { valueString: lot } : { valueBoolean: true }),
    })),
  };
}

/** Ten years of one a day. */
const most = 3_650;

export interface Asked {
  readonly analyte: string;
  readonly device: string;
  readonly from?: string;
  readonly to?: string;
}

export async function changeMarks(context: Context, { analyte, device, from, to }: Asked): Promise<ChartMark[]> {
  const found = await findMatches(
    context,
    'Observation',
    [
      ['category', `${category.system}|${category.code}`],
      ['component-code', `${catalogueSystem}|${analyte}`],
      ['device', device],
      ['status', 'final,amended,corrected'],
      ...(from === undefined ? [] : [['date', `ge${from}`] as const]),
      ...(to === undefined ? [] : [['date', `le${to}`] as const]),
    ],
    most,
  );
  return found
    .map(({ text: stored }) => markOf(parseStored(stored)))
    .toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
}

function markOf(observation: JsonObject): ChartMark {
  const [lot, note] = [text(observation['valueString']), text(objects(observation['note'])[0]?.['text'])];
  return {
    time: text(observation['effectiveDateTime']) ?? '',
    kind: codeIn(observation['code'], kindSystem) ?? '',
    ...(lot !== undefined && { lot }),
    ...(note !== undefined && { note }),
  };
}
