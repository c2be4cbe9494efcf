/** Reminds of departures, deletes at the end of their windows, and sweeps what a late process wrote: at the start and each hour. */
import { sweepDeparted } from '../departing/delete.ts';
import { deleteDue } from '../departing/due.ts';
import { remindOfDepartures } from '../departing/remind.ts';
import type { Log } from '../log.ts';
import type { Server } from '../request.ts';

const every = 3_600_000;

/** @returns what ends it */
export function watchDepartures(server: Server, log: Log): () => Promise<void> {
  let round: Promise<void> = Promise.resolve();
  const look = (): void => {
    round = round
      .then(() => remindOfDepartures(server))
      .then(() => deleteDue(server, log))
      .then(() => sweepDeparted(server))
      .then((swept) => swept > 0 && log.warn({ rows: swept }, 'rows of laboratories that have left were swept'))
      .then(() => undefined)
      .catch((error: unknown) => log.warn({ err: error }, 'departures not looked at'));
  };
  look();
  const timer = setInterval(look, every).unref();
  return async () => {
    clearInterval(timer);
    await round;
  };
}
