/** What a de-identified export tells of itself: by which rules it was made, and how alike its patients are. Pure. */
import { rules } from '../deidentification/rules.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { BulkExport } from '../store/exports.ts';
import type { Likeness } from '../store/likeness.ts';
import type { ExportRequest } from './request.ts';

/** What few patients have (deidentification/shared-codes.ts). */
export interface Rarity {
  /** `system|code` of what enough have; absent in exports that were begun before there was such a rule: none is told. */
  readonly sharedCodes?: readonly string[];
  /** Codes that are told as their category, and that are left out. */
  readonly codesGeneralised?: number;
  readonly codesLeftOut?: number;
}

/** What is kept with an export for its later steps and its manifest. */
export interface ResearchReport extends Likeness, Rarity {
  readonly project: string;
  readonly dates: 'shift' | 'year';
  readonly least: number;
}

/** How many patients, but where these are few: that there is one who is like nobody else helps to look for him. */
function held(patients: number, least: number): number | string {
  return patients > 0 && patients < least ? `fewer than ${least}` : patients;
}

/** For the manifest: by which rules, and how alike the patients are. It names no area. */
export function reportExtension(
  { report }: Pick<BulkExport, 'report'>,
  request: ExportRequest,
): JsonObject | undefined {
  if (request.project === undefined) return undefined;
  const told = report as unknown as ResearchReport | undefined;
  return {
    deidentified: {
      project: request.project,
      rules: `${rules.title}, version ${rules.version}`,
      ...(told && {
        dates: told.dates,
        kAnonymity: {
          quasiIdentifiers: ['gender', 'year of birth', 'country', 'state', 'beginning of the postal code'],
          patients: held(told.patients, told.least),
          groups: told.groups,
          smallestGroup: held(told.smallest, told.least),
          least: told.least,
          groupsBelowLeast: told.groupsBelow,
          patientsInGroupsBelowLeast: held(told.patientsBelow, told.least),
        },
        rareCodes: {
          least: told.least,
          generalised: told.codesGeneralised ?? 0,
          leftOut: told.codesLeftOut ?? 0,
        },
      }),
    },
  };
}
