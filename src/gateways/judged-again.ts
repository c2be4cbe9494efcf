/**
 * Controls of a message that could not be judged when it came, and Tasks for them: what somebody has mended since (a material,
 * a mapped code, the interface's analyzer) lets them be judged. The rest of the message stays as it is.
 */
import { cloneJson, type JsonObject } from '../fhir/json.ts';
import { inTransaction } from '../interactions/commit.ts';
import { parseStored } from '../interactions/document.ts';
import { findMatches } from '../interactions/matches.ts';
import type { Context, Server } from '../request.ts';
import { claimMessage, isApplied, recodeMessage, type StoredMessage } from '../store/messages.ts';
import { isControl, judgeControls, type Unjudged } from './controls.ts';
import { contextOf, interfaceCaller } from './gateway.ts';
import { addCodings } from './recode.ts';
import type { Registered, Served } from './interfaces.ts';
import { asJson } from './problems.ts';
import { controlTask, endTask, openTaskIn, shown } from './task.ts';

/** Controls of one message. */
const most = 500;

export interface AnalyzerInterface extends Registered {
  readonly law?: { readonly device?: string | undefined } | undefined;
}

/** Undefined for a problem of another kind. */
function controlOf({ control }: JsonObject): Unjudged['control'] | undefined {
  return control as Unjudged['control'] | undefined;
}

export function hasUnjudged(stored: Pick<StoredMessage, 'status' | 'problems'>): boolean {
  return isApplied(stored) && stored.problems.some((one) => controlOf(one) !== undefined);
}

/** One Task for a material, whichever messages bring it. */
export async function waitForMaterial(
  inside: Context,
  own: Pick<Registered, 'id' | 'name'>,
  { left, message }: { readonly left: readonly Unjudged[]; readonly message: string },
): Promise<void> {
  const caller = await interfaceCaller(inside.server, inside.tenant, own.id);
  for (const [name, waiting] of Map.groupBy(left, ({ control }) => control.name)) {
    const sentences = [...new Set(waiting.map(({ sentence }) => sentence))].join('\n').slice(0, 3_500);
    await openTaskIn(
      { ...inside, caller },
      {
        id: controlTask(own.id, name),
        text: `Control of ${own.name} not judged`,
        description: `${sentences}\nOnce it is mended: makhbar messages replay`,
        input: [{ type: { text: 'message' }, valueString: message.slice(0, shown) }],
      },
    );
  }
}

/** @returns whether all of them are judged now */
export async function judgeAgain(
  server: Server,
  { tenant, interface: own, mapped }: Served<AnalyzerInterface>,
  stored: StoredMessage,
): Promise<boolean> {
  const caller = await interfaceCaller(server, tenant, own.id);
  const context = contextOf(server, { tenant, caller, requestId: stored.id, address: stored.peer });
  const waiting = stored.problems.flatMap((one) => controlOf(one) ?? []);
  const left = await inTransaction(context, async (inside) => {
    // Two who replay it at once come one after the other.
    await claimMessage(inside.session, stored.id);
    const names = waiting.map(({ observation }) => observation.split('/')[1] ?? '');
    const found = await findMatches(inside, 'Observation', [['_id', names.slice(0, most).join()]], most);
    const controls = found
      .map(({ text }) => cloneJson(parseStored(text)) as JsonObject)
      .filter((one) => isControl(one) && one['id'] !== undefined);
    controls.forEach((one) => addCodings(one, mapped));
    const judged = await judgeControls(inside, controls, { device: own.law?.device, run: stored.id });
    const others = stored.problems.filter((one) => controlOf(one) === undefined);
    await recodeMessage(inside.session, stored.id, {
      problems: [...others, ...asJson(judged.left)],
      resources: [...stored.resources, ...judged.resources],
    });
    return judged.left;
  });
  const open = new Set(left.map(({ control }) => control.name));
  for (const name of new Set(waiting.map((one) => one.name))) {
    if (!open.has(name))
      await endTask(server, { tenant, interface: own, peer: stored.peer }, controlTask(own.id, name));
  }
  return left.length === 0;
}
