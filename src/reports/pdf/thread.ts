/** A thread of apart.ts: draws what it is told to, one after the other. */
import { parentPort } from 'node:worker_threads';
import type { ReportModel } from '../model.ts';
import type { Told } from './apart.ts';
import { reportPdf } from './report.ts';

parentPort?.on('message', (model: ReportModel) => {
  void reportPdf(whole(model)).then(
    (bytes) => {
      // Its own memory, to be handed over.
      const pdf = new Uint8Array(bytes);
      parentPort?.postMessage({ pdf } satisfies Told, [pdf.buffer]);
    },
    (error: unknown) => {
      parentPort?.postMessage({ failure: error instanceof Error ? (error.stack ?? error.message) : '' } satisfies Told);
    },
  );
});

/** A picture arrives as plain bytes. */
function whole(model: ReportModel): ReportModel {
  const { logo, ...letterhead } = model.letterhead;
  return {
    ...model,
    letterhead: { ...letterhead, logo: logo && { ...logo, data: Buffer.from(logo.data) } },
  };
}
