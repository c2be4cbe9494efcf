/** The table of background jobs. */
import { applyRetention } from './apply-retention.ts';
import type { JobKind } from './job.ts';
import { deleteErasedFiles } from './delete-erased-files.ts';
import { escalateOverdueCalls } from './escalate-calls.ts';
import { expireEvidence } from './expire-evidence.ts';
import { expireExports } from './expire-exports.ts';
import { exportJob } from './export.ts';
import { importJob } from './import.ts';
import { makeMonths } from './make-audit-months.ts';
import { measureStorage } from './measure-storage.ts';
import { reindex } from './reindex.ts';
import { sweepSignIn } from './sweep-sign-in.ts';
import { sweepFiles } from './sweep-files.ts';

export const jobs: Readonly<Record<string, JobKind>> = {
  'apply-retention': { everyHours: 24, step: applyRetention },
  'delete-erased-files': { everyHours: 24, step: deleteErasedFiles },
  'escalate-calls': { everyHours: 1, step: escalateOverdueCalls },
  'expire-evidence': { everyHours: 1, step: expireEvidence },
  'expire-exports': { everyHours: 1, step: expireExports },
  export: { apart: true, step: exportJob },
  import: { apart: true, step: importJob },
  'make-audit-months': { everyHours: 24, step: makeMonths },
  'measure-storage': { everyHours: 24, step: measureStorage },
  reindex: { step: reindex },
  'sweep-sign-in': { everyHours: 1, step: sweepSignIn },
  'sweep-files': { everyHours: 24, step: sweepFiles },
};
