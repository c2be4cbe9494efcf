/**
 * Plans: what a laboratory may use. A tenant's setting `plan` names a row; a single setting of the same name as a limit
 * takes the row's place. Without a plan nothing is limited but what RATE_LIMIT says: whoever runs one laboratory on a
 * machine of its own needs no plan. 0 = no limit, everywhere.
 *
 * The figures are guesses from what laboratories do, to be changed by whoever sells plans:
 *
 *   trial      one or two people trying it out; a page of a web app makes 5 to 20 requests
 *   standard   300 results an hour with 10 requests each are 50 a minute; peaks in the morning are ten times that. A
 *              result with its report and its history is about 20 kB: 50 GB are 2.5 million of them
 *   large      a hospital group with interfaces that write in bulk
 *
 * One export at a time is the rule: it reads everything, and a second one only makes both slower.
 */
import { outcomeError } from '../fhir/outcome.ts';

export interface Limits {
  /** Requests a minute and caller. */
  readonly rateLimit: number;
  /** Requests a minute of all signed-in callers together. */
  readonly totalRateLimit: number;
  /** Bytes of JSON of all versions and of all files. */
  readonly storageLimit: number;
  /** Exports at the same time. */
  readonly exportConcurrency: number;
}

export interface LimitSettings extends Partial<Limits> {
  readonly plan?: string;
}

const gigabyte = 1_000_000_000;

export const plans: Readonly<Record<string, Limits>> = {
  trial: { rateLimit: 300, totalRateLimit: 1_200, storageLimit: gigabyte, exportConcurrency: 1 },
  standard: { rateLimit: 1_200, totalRateLimit: 12_000, storageLimit: 50 * gigabyte, exportConcurrency: 1 },
  large: { rateLimit: 6_000, totalRateLimit: 120_000, storageLimit: 1_000 * gigabyte, exportConcurrency: 4 },
};

/** @throws OutcomeError for a plan that is not in the table: its limits are not known, and none would be the wrong guess. */
export function limitsOf(settings: LimitSettings, rateLimit: number): Limits {
  const unlimited: Limits = { rateLimit, totalRateLimit: 0, storageLimit: 0, exportConcurrency: 1 };
  const { plan } = settings;
  const planned = plan === undefined ? unlimited : Object.hasOwn(plans, plan) ? plans[plan] : undefined;
  if (planned === undefined) {
    throw outcomeError(
      'not-supported',
      `The plan of this laboratory, "${plan}", is not known; its operator must set one.`,
      {
        status: 503,
      },
    );
  }
  return {
    rateLimit: settings.rateLimit ?? planned.rateLimit,
    totalRateLimit: settings.totalRateLimit ?? planned.totalRateLimit,
    storageLimit: settings.storageLimit ?? planned.storageLimit,
    exportConcurrency: settings.exportConcurrency ?? planned.exportConcurrency,
  };
}
