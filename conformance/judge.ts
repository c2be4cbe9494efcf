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
  let remained = 0;
  try {
    for (const section of sections) {
      for (const one of section.cases) {
        verdicts.push(await judgeCase(world, section, one));
      }
    }
  } finally {
    remained = await world.cleanUp();
  }
  return { verdicts, remained };
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
  const rest: Resource = capability['rest']?.[0] ?? {};
  const types: Resource[] = rest['resource'] ?? [];
  const place = need.type === undefined ? rest : types.find((one) => one['type'] === need.type);
  const where = need.type ?? 'the system';
  const missing = [
    lacks(need.interaction, place?.['interaction'], 'code') && `${need.interaction} on ${where}`,
    lacks(need.operation, [...(place?.['operation'] ?? []), ...(rest['operation'] ?? [])], 'name') &&
      `the operation ${need.operation}`,
    need.flag && [undefined, false, 'not-supported'].includes(place?.[need.flag]) && `${need.flag} on ${where}`,
    need.format && !typesIn(capability['format']).includes(need.format) && `the format ${need.format}`,
    need.patchFormat &&
      !typesIn(capability['patchFormat']).includes(need.patchFormat) &&
      `patches of the format ${need.patchFormat}`,
  ];
  return missing.find((one) => typeof one === 'string' && one !== '') || undefined;
}

function lacks(wanted: string | undefined, listed: Record<string, string>[] | undefined, key: string): boolean {
  return wanted !== undefined && !(listed ?? []).some((one) => one[key] === wanted);
}

/** Formats as MIME types: `json` and `xml` are short for those of FHIR. */
function typesIn(formats: string[] | undefined): string[] {
  return (formats ?? []).map((format) =>
    /^(json|xml)$/.test(format) ? `application/fhir+${format}` : (format.split(';')[0] ?? ''),
  );
}
