/** Which codes of a de-identified export enough patients share to be told, and how many are not. */
import { rules } from '../deidentification/rules.ts';
import { sharedAmong, sharedCodes, sharedPaths } from '../deidentification/shared-codes.ts';
import { accessOf } from '../interactions/access.ts';
import type { Context } from '../request.ts';
import { countCodes, type CountedElements } from '../store/code-counts.ts';
import type { Rarity } from './research-report.ts';

const elements: readonly CountedElements[] = [...sharedPaths].flatMap(([type, paths]) => {
  const patient = rules.patients.get(type);
  return patient === undefined ? [] : [{ type, patient, paths }];
});
const [prefixes, systems] = [true, false].map((wanted) =>
  rules.codeSystems.filter(({ isPrefix }) => isPrefix === wanted).map(({ address }) => address),
) as [string[], string[]];

export async function measuredCodes(
  context: Context,
  { least, moment }: { readonly least: number; readonly moment: string },
): Promise<Required<Rarity>> {
  const access = accessOf(context);
  const counts = await countCodes(context.session, { access, least, moment, elements, systems, prefixes });
  const codes = sharedCodes(counts, least);
  const shared = new Set(codes);
  const told = counts.map((one) => [one.code, sharedAmong(shared, one)?.code]);
  return {
    sharedCodes: codes,
    codesGeneralised: told.filter(([code, as]) => as !== undefined && as !== code).length,
    codesLeftOut: told.filter(([, as]) => as === undefined).length,
  };
}
