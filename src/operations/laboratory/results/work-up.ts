/** From what was entered to what is written: results, those calculated from them, the report, calls to be made. */
import type { JsonObject } from '../../../fhir/json.ts';
import type { Issue } from '../../../fhir/outcome.ts';
import { newId } from '../../../interactions/new-id.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { codedComment } from '../../../laboratory/result/comments.ts';
import { observationOf, remarked } from '../../../laboratory/result/observation.ts';
import { repeated, repeating, toRepeat } from '../../../laboratory/result/follow-up.ts';
import type { ResultState } from '../../../laboratory/result/result-states.ts';
import { nameOf } from '../../../laboratory/result/value.ts';
import { catalogueSystem, codeIn } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { requestJobAt } from '../../../store/jobs.ts';
import { asServer, changed, made, writtenResource, type Known } from '../server-rights.ts';
import { backgroundOf, type Background } from './background.ts';
import { calculated, originsOf, referencesOf } from './calculated.ts';
import { commentSystems } from './comment-systems.ts';
import { callingOf, callTask } from './critical.ts';
import { entered } from './entered.ts';
import type { Entry } from './entry.ts';
import { judgedBy, type Judged } from './judge.ts';
import { orderChanges } from './orders-after.ts';
import { reflexesOf } from './reflex.ts';
import { callsAfter, repeatedTasks } from './open-tasks.ts';
import { keptFirsts, repeatTask } from './repeat.ts';
import { reportChange } from './report-of-orders.ts';

/** What is entered for. */
export interface Work {
  readonly orders: readonly Known[];
  /** When the specimen was collected. */
  readonly at: string;
  readonly specimen?: string;
  readonly device?: string;
  readonly pregnant: boolean;
  readonly conditions: readonly string[];
  /** Released results are corrected, for this reason. */
  readonly correction?: string;
  /** Results that are written with them: organisms of a culture, and their susceptibilities. */
  readonly members?: readonly Prepared[];
  /** Of a culture: that something grew is for a person to see, whatever the rules say. */
  readonly grew?: boolean;
}

export interface Results {
  /** By the caller's rights … */
  readonly own: readonly Prepared[];
  /** … and by the server's: what was verified automatically … */
  readonly verified: readonly Prepared[];
  /** … and what follows from both: the report, orders, calls. */
  readonly followed: () => Promise<readonly Prepared[]>;
  /** As they are answered. */
  readonly resources: readonly JsonObject[];
  readonly report: Prepared;
  readonly issues: readonly Issue[];
}

export async function resultsOf(inside: Context, work: Work, entries: readonly Entry[]): Promise<Results> {
  const coded = entries.some(({ commentCodes }) => commentCodes.length > 0);
  const background: Background = {
    ...(await backgroundOf(asServer(inside), work)),
    ...(coded && { commentSystems: await commentSystems(asServer(inside)) }),
  };
  const turns = entered(background, work, entries);
  const all = [...turns, ...calculated(background, work, turns)];
  const server = asServer(inside);
  const judged = judgedBy(background, work, all);
  const reflexes = await reflexesOf(server, background, work, judged);
  const references = referencesOf(background);
  const written = judged.map((turn) => {
    const told = { ...turn, remarks: reflexes.remarks.get(turn.analyte) ?? [], origins: originsOf(turn, references) };
    const one = { turn, ...writing(inside, background, work, told) };
    references.set(nameOf(turn.result.definition), `Observation/${one.prepared.entry.id}`);
    return one;
  });
  const firsts = turns.flatMap(({ first }) => first ?? []);
  const kept = keptFirsts(server, firsts);
  const members = [...(work.members ?? []), ...kept];
  const changedIds = new Set([...written.map(({ prepared }) => prepared), ...members].map(({ entry }) => entry.id));
  const others = background.existing.filter(({ resource }) => !changedIds.has(String(resource['id'])));
  const results = [
    ...others.map(({ resource }) => resource),
    ...written.map(({ prepared }) => writtenResource(prepared)),
    ...members.map(writtenResource),
  ];
  const report = reportChange(server, background.report, {
    orders: [...work.orders, ...reflexes.orders],
    results,
    missing: missingOf(background, results) + reflexes.missing,
    subject: background.subject,
  });
  const critical = written.filter(({ turn }) => turn.result.critical);
  const calling = callingOf(inside.tenant.settings);
  // Waits with the results: a process that dies forgets neither.
  if (critical.length > 0) await requestJobAt(inside.session, 'escalate-calls', Date.now() + calling.minutes * 60_000);
  return {
    own: written.filter(({ verified }) => !verified).map(({ prepared }) => prepared),
    verified: written.filter(({ verified }) => verified).map(({ prepared }) => prepared),
    followed: async () => [
      report,
      ...(await orderChanges(server, work.orders, background.analytes, results)),
      ...reflexes.changes,
      ...kept,
      ...(await tasksAfter(server, { written, firsts, subject: background.subject })),
    ],
    resources: written.map(({ prepared }) => writtenResource(prepared)),
    report,
    issues: [
      ...critical.map(({ turn }) =>
        warning(`${nameOf(turn.result.definition)} is critical: call, and record it by $call-back.`),
      ),
      ...judged.flatMap(({ result, repeat }) =>
        repeat === undefined ? [] : [warning(`${nameOf(result.definition)} is to be repeated: ${repeat.name}.`)],
      ),
      ...reflexes.issues,
    ],
  };
}

function warning(diagnostics: string): Issue {
  return { severity: 'warning', code: 'business-rule', diagnostics };
}

interface Written {
  readonly turn: Judged;
  readonly prepared: Prepared;
}

/** What waits for something about these results, and what waits no more. */
async function tasksAfter(
  server: Context,
  { written, firsts, subject }: { written: readonly Written[]; firsts: readonly Known[]; subject: string },
): Promise<Prepared[]> {
  const calling = callingOf(server.tenant.settings);
  const critical = written.filter(({ turn }) => turn.result.critical);
  const calls = await callsAfter(server, {
    replaced: written.flatMap(({ turn, prepared }) => (turn.existing === undefined ? [] : [prepared.entry.id])),
    critical: critical.map(({ prepared }) => prepared.entry.id),
  });
  const calledAbout = critical.filter(({ prepared }) => !calls.awaited.has(prepared.entry.id));
  return [
    ...(await repeatedTasks(
      server,
      firsts.map(({ resource }) => String(resource['id'])),
    )),
    ...written.flatMap((one) => repeatTasks(server, subject, one)),
    ...calledAbout.map(({ turn, prepared }) => {
      const about = { focus: `Observation/${prepared.entry.id}`, subject, analyte: nameOf(turn.result.definition) };
      return made(server, callTask(about, calling));
    }),
    ...calls.ended,
  ];
}

function repeatTasks(server: Context, subject: string, { turn, prepared }: Written): Prepared[] {
  const { repeat, analyte, result } = turn;
  if (repeat === undefined) return [];
  const order = `ServiceRequest/${String(analyte.order.resource['id'])}`;
  const description = `Repeat: ${nameOf(result.definition)}: ${repeat.name}`;
  return [made(server, repeatTask({ focus: `Observation/${prepared.entry.id}`, order, subject, description }))];
}

function writing(
  inside: Context,
  background: Background,
  work: Work,
  turn: Judged & { readonly remarks: readonly string[]; readonly origins: readonly string[] },
): { prepared: Prepared; verified: boolean } {
  const { result, entry, existing, analyte, corrected, heldByControl, repeat, decision, verified } = turn;
  const isHeldNow = heldByControl || repeat !== undefined;
  const state: ResultState = isHeldNow ? 'held' : verified || corrected ? 'released' : 'entered';
  const { caller } = inside;
  const performer = /^Practitioner(Role)?\//.test(caller.fhirUser ?? '') ? caller.fhirUser : undefined;
  const resource = observationOf(result, {
    order: `ServiceRequest/${String(analyte.order.resource['id'])}`,
    subject: background.subject,
    effective: work.at,
    issued: new Date().toISOString(),
    enteredBy: caller.subject,
    state,
    ...(corrected && { status: 'corrected' }),
    flags: entry?.flags ?? [],
    ...(entry?.members !== undefined && { members: entry.members }),
    derivedFrom: turn.origins,
    coded: (entry?.commentCodes ?? []).map((code) => codedComment(background.commentSystems ?? [], code)),
    comments: [
      ...(entry?.comments ?? []),
      ...(corrected && work.correction !== undefined ? [`Corrected: ${work.correction}`] : []),
    ],
    ...(work.specimen !== undefined && { specimen: work.specimen }),
    ...(work.device !== undefined && { device: work.device }),
    ...(performer !== undefined && { performer }),
    ...(entry?.method !== undefined && { method: entry.method }),
    ...(entry?.identifier !== undefined && { identifier: entry.identifier }),
    ...(entry?.measured !== undefined && { measured: entry.measured }),
    ...(entry?.given.dilution !== undefined && { dilution: entry.given.dilution }),
    ...(decision !== undefined && { decision }),
  });
  const told = toldIn(resource, turn);
  const rights = verified ? asServer(inside) : inside;
  const prepared =
    existing === undefined
      ? made(rights, told, newId())
      : changed(rights, { ...told, id: existing.resource['id'] ?? '' }, existing.version);
  return { prepared, verified };
}

/** With what the rules said of it besides verification. */
function toldIn(resource: JsonObject, turn: Judged & { readonly remarks: readonly string[] }): JsonObject {
  const { heldByControl, unsure, decision, repeat, first, existing, remarks } = turn;
  const before = first?.resource['id'] ?? undefined;
  const earlier = before === undefined ? existing && repeated(existing.resource) : `Observation/${String(before)}`;
  const all = [
    ...(heldByControl ? ['Held: a control of this analyte on this analyzer failed, or is due.'] : []),
    ...(unsure === 'held' ? ['Held: a value that it is calculated of is held.'] : []),
    ...(unsure === 'waits' && decision?.verified === true
      ? ['Held: a value that it is calculated of waits for a person.']
      : []),
    ...remarks,
  ];
  const linked = earlier === undefined ? resource : repeating(resource, earlier);
  const asked = repeat === undefined ? linked : toRepeat(linked, `${repeat.name} (${repeat.because})`);
  return all.reduce(remarked, asked);
}

function missingOf({ analytes }: Background, results: readonly JsonObject[]): number {
  const there = new Set(results.map((one) => codeIn(one['code'], catalogueSystem)));
  // A formula may have no result for good: without one the report is complete.
  return analytes.all.filter(({ definition }) => definition.calculation === undefined && !there.has(nameOf(definition)))
    .length;
}
