/** The Observations of organisms and susceptibilities that a culture is written with, in place of those that are there. */
import type { JsonObject } from '../../../fhir/json.ts';
import { newId } from '../../../interactions/new-id.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import {
  isolateSystem,
  organismOf,
  susceptibilityOf,
  type OfCulture,
} from '../../../laboratory/microbiology/culture.ts';
import { afterResultStep } from '../../../laboratory/result/observation.ts';
import { nextResultState, resultState } from '../../../laboratory/result/result-states.ts';
import { nameOf } from '../../../laboratory/result/value.ts';
import { objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import type { OrderedAnalyte } from '../results/ordered-analytes.ts';
import type { Work } from '../results/work-up.ts';
import { asServer, changed, made, type Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import type { GivenIsolate } from './isolates.ts';

export interface Cultured {
  readonly work: Work;
  readonly analyte: OrderedAnalyte;
  readonly isolates: readonly GivenIsolate[];
  readonly subject: string;
}

export interface Members {
  readonly members: readonly Prepared[];
  /** References of the organisms. */
  readonly organisms: readonly string[];
}

export async function membersOf(inside: Context, cultured: Cultured): Promise<Members> {
  const { analyte, isolates, work } = cultured;
  const key = `${String(analyte.order.resource['id'])}/${nameOf(analyte.definition)}`;
  const there = await membersThere(inside, analyte, `${key}/`);
  const written: Prepared[] = [];
  const write = (identifier: string, build: (of: OfCulture) => JsonObject): string => {
    const existing = there.get(identifier);
    there.delete(identifier);
    const prepared = memberOf(inside, cultured, existing, build);
    written.push(prepared);
    return `Observation/${prepared.entry.id}`;
  };
  const organisms = isolates.map(({ isolate, organism, count, susceptibilities }) => {
    const members = susceptibilities.flatMap((one) => {
      const identifier = `${key}/${isolate}/${one.drug.code}/${one.method}`;
      // What was released was told: it stays.
      const { suppressed, ...told } = one;
      const isTold = suppressed === undefined || isReleased(there.get(identifier));
      const reference = write(identifier, (of) => susceptibilityOf(of, { ...(isTold ? told : one), identifier }));
      return isTold ? [reference] : [];
    });
    const identifier = `${key}/${isolate}`;
    return write(identifier, (of) =>
      organismOf(of, { identifier, organism, members, ...(count !== undefined && { count }) }),
    );
  });
  const gone = [...there.values()].map(({ resource, version }) => {
    const step = resultState(resource) === 'released' && work.correction !== undefined ? 'withdraw' : 'cancel';
    return changed(inside, afterResultStep(resource, step), version);
  });
  return { members: [...written, ...gone], organisms };
}

/** By their identifiers, but for those that were taken back. */
async function membersThere(inside: Context, analyte: OrderedAnalyte, prefix: string): Promise<Map<string, Known>> {
  const order = `ServiceRequest/${String(analyte.order.resource['id'])}`;
  const found = await knownBy(asServer(inside), 'Observation', [
    ['based-on', order],
    ['identifier', `${isolateSystem}|`],
  ]);
  return new Map(
    found.flatMap((one) => {
      const identifier = text(objects(one.resource['identifier'])[0]?.['value']) ?? '';
      const isOpen = !['withdrawn', 'cancelled'].includes(resultState(one.resource));
      return isOpen && identifier.startsWith(prefix) ? [[identifier, one] as const] : [];
    }),
  );
}

function isReleased(one: Known | undefined): boolean {
  return one !== undefined && resultState(one.resource) === 'released';
}

function memberOf(
  inside: Context,
  { work, analyte, subject }: Cultured,
  existing: Known | undefined,
  build: (of: OfCulture) => JsonObject,
): Prepared {
  const correcting = work.correction !== undefined;
  if (existing !== undefined) {
    const state = resultState(existing.resource);
    nextResultState(String(existing.resource['id']), state, correcting && state === 'released' ? 'correct' : 'enter');
  }
  const resource = build({
    order: `ServiceRequest/${String(analyte.order.resource['id'])}`,
    subject,
    effective: work.at,
    issued: new Date().toISOString(),
    enteredBy: inside.caller.subject,
    status: correcting ? (isReleased(existing) ? 'corrected' : 'final') : 'preliminary',
    state: correcting ? 'released' : 'entered',
    ...(work.specimen !== undefined && { specimen: work.specimen }),
    ...(work.device !== undefined && { device: work.device }),
  });
  if (existing === undefined) return made(inside, resource, newId());
  return changed(inside, { ...resource, id: existing.resource['id'] ?? '' }, existing.version);
}
