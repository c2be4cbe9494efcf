/**
 * $verify: whether the audit log is as it was written, or where it is not first (src/sealing/verify.ts).
 *
 *   GET [base]/AuditEvent/$verify?from=2026-01-01&to=2026-01-31        without them: all of it
 *
 * The chain of all seals is followed; the events of those with events in the period are read and compared. Parameters:
 * seals and events that were found right, removed (of the events, those that went by a rule of retention), for each run of
 * retention removal (category, period, basis, before, at, events), open (events without a seal yet) and oldest-open, last
 * (number and hash, to
 * compare with a published one), and finding (seal, event, sentence) where something is wrong. Where seals are published
 * to a file the log is compared with it; `published` (0..*, number:hash) are seals that were kept elsewhere. Of both the
 * answer has published (seals and the last).
 */
import type { Removal } from '../audit/removal.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { comparePublished, type Compared } from '../publishing/compare.ts';
import { verifyLog, type Verified } from '../sealing/verify.ts';
import { checkWholeLog, periodOf } from './audit-period.ts';
import { operationInput } from './parameters.ts';

export async function auditVerify(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['from', 'to', 'published']);
  checkWholeLog(context.caller, '$verify');
  const one = (name: string): string | undefined => {
    const [text, second] = input.texts(name);
    if (second !== undefined) throw outcomeError('invalid', `$verify takes one ${name}.`, { status: 400 });
    return text;
  };
  const period = periodOf(one('from'), one('to'), context.tenant.settings.timezone);
  const { session, tenant, server } = context;
  const hashes = input.texts('published').map(publishedHash);
  const own = await verifyLog(session, tenant, { period, connect: server.database.options });
  const published = await comparePublished(session, tenant, { folder: server.config.sealsDir, hashes });
  return { status: 200, resource: parametersOf({ ...own, finding: own.finding ?? published?.finding }, published) };
}

const mostPublished = 1_000;

function publishedHash(text: string, index: number): { number: number; hash: string } {
  const [, number, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (number !== undefined && hash !== undefined && index < mostPublished) {
    return { number: Number(number), hash: hash.toLowerCase() };
  }
  throw outcomeError(
    'invalid',
    `published is the number of a seal and its hash (SHA-256), as in 7:9f86…, at most ${mostPublished} times.`,
    { status: 400 },
  );
}

function parametersOf(
  { seals, events, removed, removals, open, oldestOpen, last, continued, finding }: Verified,
  published: Compared | undefined,
): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'seals', valueUnsignedInt: seals },
      { name: 'events', valueUnsignedInt: events },
      { name: 'removed', valueUnsignedInt: removed },
      ...removals.map(removalPart),
      { name: 'open', valueUnsignedInt: open },
      ...(oldestOpen === undefined ? [] : [{ name: 'oldest-open', valueInstant: oldestOpen }]),
      ...(last === undefined
        ? []
        : [
            {
              name: 'last',
              part: [
                { name: 'number', valueUnsignedInt: last.number },
                { name: 'hash', valueString: last.hash },
              ],
            },
          ]),
      ...(published === undefined
        ? []
        : [
            {
              name: 'published',
              part: [
                { name: 'seals', valueUnsignedInt: published.seals },
                { name: 'last', valueUnsignedInt: published.last },
              ],
            },
          ]),
      ...continued.map(({ seal, sentence }) => ({
        name: 'continued',
        part: [
          { name: 'seal', valueUnsignedInt: seal },
          { name: 'sentence', valueString: sentence },
        ],
      })),
      ...(finding === undefined
        ? []
        : [
            {
              name: 'finding',
              part: [
                { name: 'seal', valueUnsignedInt: finding.seal },
                ...(finding.event === undefined
                  ? []
                  : [{ name: 'event', valueReference: { reference: `AuditEvent/${finding.event}` } }]),
                { name: 'sentence', valueString: finding.sentence },
              ],
            },
          ]),
    ],
  };
}

function removalPart({ category, period, basis, before, at, events }: Removal): JsonObject {
  return {
    name: 'removal',
    part: [
      { name: 'category', valueCode: category },
      { name: 'period', valueString: period },
      { name: 'basis', valueString: basis },
      { name: 'before', valueInstant: before },
      { name: 'at', valueInstant: at },
      { name: 'events', valueUnsignedInt: events },
    ],
  };
}
