/**
 * Files organised by patient: for each a header, then the patient and what is of his compartment.
 * https://build.fhir.org/ig/HL7/bulk-data/export.html (3.0, organizeOutputBy)
 *
 * A resource that is in the compartments of several stands under each. A file ends between two patients.
 */
import type { Context } from '../request.ts';
import { and, or, type Condition } from '../search/ast.ts';
import { compartmentCondition } from '../search/compartment.ts';
import {
  firstSpan,
  matchingWindow,
  nextSpan,
  storedVersions,
  versionsOfPatient,
  type Matching,
  type MatchingWindow,
  type WindowPlace,
  type Times,
} from '../store/export-rows.ts';
import { contentOf, type Piece, type Shape } from './lines.ts';
import { selectionOf, type Selecting } from './selection.ts';

export interface ByPatient {
  readonly context: Context;
  readonly selecting: Selecting;
  readonly times: Times;
  readonly shape: Shape | undefined;
}

/** Patients whose numbers are found at once. */
const patientsAtOnce = 500;

export async function* patientPieces(asked: ByPatient, from: string | undefined): AsyncGenerator<Piece> {
  const { context, selecting, times } = asked;
  // A patient who has not changed may have what has: the times are of the resources.
  const patients: Matching = {
    moment: times.moment,
    type: 'Patient',
    condition: patientsOf(selecting),
    access: selecting.access,
  };
  let span = firstSpan;
  for (let after: string | undefined = from ?? '0'; after !== undefined;) {
    const place: WindowPlace = { after, most: patientsAtOnce, span };
    const window: MatchingWindow = await context.server.database.transaction(
      context.tenant.id,
      (session) => matchingWindow(session, patients, place),
      'snapshot',
    );
    for (const stored of [...(await storedVersions(context.session, window)), ...window.changed]) {
      yield* piecesOfPatient(asked, stored.id);
      if (window.changed.length === 0) yield { bytes: Buffer.alloc(0), count: 0, after: stored.rid };
    }
    after = window.next;
    span = nextSpan(place, window);
    yield { bytes: Buffer.alloc(0), count: 0, after: after ?? 'end' };
  }
}

function patientsOf({ request }: Selecting): Condition {
  return request.patients === undefined ? { kind: 'all' } : { kind: 'id', values: request.patients };
}

async function* piecesOfPatient(asked: ByPatient, id: string): AsyncGenerator<Piece> {
  const { context, selecting, times } = asked;
  const { access, parameters, request } = selecting;
  const types = request.types.filter((type) => type !== 'AuditEvent' && access(type) !== undefined);
  const ofType = types.map((type) =>
    and([
      { kind: 'type', type },
      selectionOf(type, { ...selecting, request: { ...request, level: { of: 'system' } } }),
    ]),
  );
  const condition = and([compartmentCondition('Patient', id, parameters), or(ofType)]);
  const found = await versionsOfPatient(context.session, { ...times, types, condition, access });
  if (found.count === 0) return;
  const header = {
    resourceType: 'Parameters',
    parameter: [{ name: 'header', valueReference: { reference: `Patient/${id}` } }],
  };
  yield { bytes: Buffer.from(`${JSON.stringify(header)}\n`), count: 1 };
  const matching: Matching = { ...times, type: 'Patient', condition, access };
  yield* contentOf({ context, matching, shape: asked.shape }, found);
}
