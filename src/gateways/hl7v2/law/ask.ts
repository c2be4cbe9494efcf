/**
 * LAB-27: an analyzer asks for the work of a specimen. IHE PaLM TF-2b 3.27: QBP^Q11^QBP_Q11 → RSP^K11^RSP_K11 at once, and
 * then LAB-28 for each specimen; where there is no work, one that says so (ORC-1 DC).
 *
 *   QPD-1       | by
 *   WOS         | QPD-3, the number on the label
 *   WOS_BY_RACK | QPD-4 and QPD-5: rack and position
 *   WOS_BY_TRAY | QPD-6 and QPD-7: tray and position
 *   WOS_ALL     | all work of this analyzer
 *
 * A WOS without QPD-3 is one by rack, else by tray. Rack and tray are told by Specimen.container.identifier of the system
 * `urn:makhbar:carrier-position`, `rack/position`.
 */
import type { Place, Problem } from '../../../hl7v2/acknowledge.ts';
import { readSegments, type FieldReader } from '../../../hl7v2/message.ts';
import type { JsonObject } from '../../../fhir/json.ts';
import type { Context } from '../../../request.ts';
import type { Work } from '../../../translation/out/law.ts';
import type { Known } from '../applied.ts';
import type { Query, Reply } from '../query.ts';
import { findAll, findSpecimens, idOf, positionSystem } from '../../find.ts';
import { sendWork } from './send.ts';
import { allSteps, openSteps } from '../../work.ts';

export const workOrderSteps: Query = {
  response: ['RSP', 'K11', 'RSP_K11'],
  profile: 'LAB-27^IHE',
  answer: async (context, known) => {
    const qpd = readSegments(known.message).find(({ name }) => name === 'QPD');
    const problem = problemOf(known, qpd);
    if (problem !== undefined) return { status: problem.code === '200' ? 'AR' : 'AE', problems: [problem] };
    return qpd === undefined ? { status: 'AE' } : answer(context, known, qpd);
  },
};

const kinds: ReadonlySet<string> = new Set(['WOS', 'WOS_BY_RACK', 'WOS_BY_TRAY', 'WOS_ALL']);

function problemOf({ interface: { law } }: Known, qpd: FieldReader | undefined): Problem | undefined {
  const at = (field: number): Place => ({ segment: 'QPD', sequence: 1, field });
  if (law === undefined) {
    const sentence = 'Only an interface of the profile law is asked for work.';
    return { code: '200', sentence, place: { segment: 'MSH', sequence: 1, field: 9 } };
  }
  if (qpd === undefined)
    return { code: '100', sentence: 'A query must have a QPD.', place: { segment: 'QPD', sequence: 1 } };
  if (!kinds.has(qpd.text(1))) {
    return { code: '103', sentence: `QPD-1 must be one of ${[...kinds].join(', ')}.`, place: at(1) };
  }
  if (qpd.text(2) === '') return { code: '101', sentence: 'QPD-2 must have the tag of the query.', place: at(2) };
  const isNamed = qpd.text(1) === 'WOS_ALL' || qpd.text(3) !== '' || positionOf(qpd) !== undefined;
  return isNamed
    ? undefined
    : { code: '101', sentence: 'QPD-3, or QPD-4 to QPD-7, must name a specimen.', place: at(3) };
}

/** `rack/position`. */
function positionOf(qpd: FieldReader): string | undefined {
  const [carrier, position, tray, place] = [4, 5, 6, 7].map((field) => qpd.text(field));
  if (carrier !== '' && position !== '') return `${carrier}/${position}`;
  return tray !== '' && place !== '' ? `${tray}/${place}` : undefined;
}

async function answer(context: Context, known: Known, qpd: FieldReader): Promise<Reply> {
  const asked = qpd.text(1) === 'WOS_ALL' ? undefined : askedBy(qpd);
  const specimens = asked === undefined ? [] : await specimensOf(context, qpd);
  if (specimens.length > 1) {
    const sentence = 'More than one specimen has this number or stands there.';
    return { status: 'AE', problems: [{ code: '205', sentence, place: { segment: 'QPD', sequence: 1, field: 3 } }] };
  }
  const found =
    asked === undefined
      ? await allSteps(context, known)
      : await Promise.all(
          specimens.map(async (specimen) => ({ specimen, steps: await openSteps(context, known, specimen) })),
        );
  const works: Work[] = found
    .filter(({ steps }) => steps.length > 0)
    .map(({ specimen, steps }) => ({ control: 'NW', specimen, steps, ...(asked && { asked }) }));
  const none: Work = { control: 'DC', specimen: specimens[0], steps: [], ...(asked && { asked }) };
  const isSame = known.interface.law?.sameConnection === true;
  const further: Buffer[] = [];
  for (const work of works.length > 0 ? works : [none]) {
    const raw = await sendWork(context, known, work, isSame ? known.peer : undefined);
    if (isSame) further.push(raw);
  }
  return { status: works.length > 0 ? 'OK' : 'NF', further, patients: patientsOf(works) };
}

function askedBy(qpd: FieldReader): NonNullable<Work['asked']> {
  return [qpd.text(3), qpd.text(4), qpd.text(5), qpd.text(6), qpd.text(7)];
}

async function specimensOf(context: Context, qpd: FieldReader): Promise<JsonObject[]> {
  if (qpd.text(1) === 'WOS' && qpd.text(3) !== '') return findSpecimens(context, qpd.text(3));
  const position = positionOf(qpd);
  if (position === undefined) return findSpecimens(context, qpd.text(3));
  const found = await findAll(context, 'Specimen', 'container-id', [position]);
  const isThere = ({
    container = [],
  }: {
    container?: { identifier?: { system?: string; value?: string }[] }[];
  }): boolean =>
    container.some(({ identifier = [] }) =>
      identifier.some(({ system, value }) => system === positionSystem && value === position),
    );
  return found.filter((one) => isThere(one as Parameters<typeof isThere>[0]));
}

function patientsOf(works: readonly Work[]): string[] {
  const subjects = works.map(({ specimen, steps }) => specimen?.['subject'] ?? steps[0]?.order['subject']);
  return [...new Set(subjects.flatMap((subject) => idOf(subject, 'Patient') ?? []))];
}
