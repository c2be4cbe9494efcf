/** Local codes without a mapping, as problems of the stored message: listed for mapping, and never in an acknowledgement. */
import type { JsonObject } from '../fhir/json.ts';
import type { Unmapped } from '../translation/translation.ts';

/** Of one message. */
const most = 500;

export function unmappedProblems(unmapped: readonly Unmapped[]): JsonObject[] {
  const once = new Map(unmapped.map((one) => [`${one.system}|${one.code}`, one]));
  return [...once.values()].slice(0, most).map(({ place, system, code, display }) => ({
    code: '103',
    severity: 'W',
    sentence: 'A local code has no mapping.',
    place: { ...place },
    unmapped: { system, code, display },
  }));
}

/** Undefined for a problem of another kind. */
export function unmappedOf({ unmapped }: JsonObject): { system: string; code: string } | undefined {
  return unmapped as { system: string; code: string } | undefined;
}
