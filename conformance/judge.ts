/** Runs the cases of some sections one after the other and says of each: pass, fail or skip. */
import type { Case, Level, Need, Section } from './case.ts';
import { Skipped } from './checks.ts';
import type { Client } from './client.ts';
import { openWorld, type Resource, type World } from './world.ts';

export interface Verdict {
  section: string;
  title: string;
  level: Level;
  result: 'pass' | 'fail' | 'skip';
  /** Why it failed or was skipped. */
  reason: string;
  milliseconds: number;
}

export interface Judgement {
  verdicts: Verdict[];
  /** Resources of the run that could not be deleted afterwards. */
  remained: number;
}

export async function judge(client: Client, sections: readonly Section[]): Promise<Judgement> {
  const world = await openWorld(client);
  const verdicts: Verdict[] = [];
  try {
    for (const section of sections) {
      for (const one of section.cases) {
        verdicts.push(await judgeCase(world, section, one));
      }
    }
  } finally {
    await world.cleanUp();
  }
  return { verdicts, remained: await world.cleanUp() };
}

async function judgeCase(world: World, section: Section, one: Case): Promise<Verdict> {
  const started = performance.now();
  const { result, reason } = await runCase(world, one);
  const milliseconds = Math.round(performance.now() - started);
  const title = `${section.anchor}: ${one.title}`;
  return { section: section.name, title, level: one.level, result, reason, milliseconds };
}

async function runCase(world: World, one: Case): Promise<Pick<Verdict, 'result' | 'reason'>> {
  const missing = one.needs === undefined ? undefined : unclaimed(world.capability, one.needs);
  if (missing !== undefined) {
    return { result: 'skip', reason: `optional, and the CapabilityStatement does not claim ${missing}` };
  }
  try {
    await one.run(world);
    return { result: 'pass', reason: '' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { result: error instanceof Skipped ? 'skip' : 'fail', reason };
  }
}

/** What of the need the CapabilityStatement leaves out; undefined when all is claimed. */
function unclaimed(capability: Resource, need: Need): string | undefined {
  const rest = capability['rest']?.[0] ?? {};
  const resource =
    need.type === undefined ? rest : (rest.resource ?? []).find((one: Resource) => one.type === need.type);
  const interactions: { code: string }[] = resource?.interaction ?? [];
  if (need.interaction !== undefined && !interactions.some((one) => one.code === need.interaction)) {
    return `${need.type ?? 'system'} ${need.interaction}`;
  }
  const flag = need.flag === undefined ? undefined : resource?.[need.flag];
  if (need.flag !== undefined && (need.unless ?? [undefined, false, 'not-supported']).includes(flag)) {
    return `${need.type ?? ''} ${need.flag}`;
  }
  const formats: string[] = [...(capability['format'] ?? []), ...(capability['patchFormat'] ?? [])];
  const short = need.format?.replace('application/fhir+', '');
  const held =
    need.format === undefined || formats.some((format) => format.split(';')[0] === need.format || format === short);
  return held ? undefined : `the format ${need.format}`;
}
