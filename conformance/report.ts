/** The verdicts of a run as a table for people, or as JSON for machines. */
import type { Judgement, Verdict } from './judge.ts';

/** A failed SHALL case fails the run; with strict, a failed SHOULD case as well. */
export function failuresOf(judgement: Judgement, strict: boolean): Verdict[] {
  const levels = strict ? ['SHALL', 'SHOULD'] : ['SHALL'];
  return judgement.verdicts.filter((verdict) => verdict.result === 'fail' && levels.includes(verdict.level));
}

export function tableOf(judgement: Judgement): string {
  const lines = judgement.verdicts.flatMap(linesOf);
  const head = `${'section'.padEnd(22)} ${'level'.padEnd(6)} ${'result'.padEnd(6)} ${'ms'.padStart(6)}  case`;
  return [head, '-'.repeat(head.length), ...lines, '', summaryOf(judgement)].join('\n');
}

function linesOf(verdict: Verdict): string[] {
  const { section, level, result, milliseconds, title, reason } = verdict;
  const line = `${section.padEnd(22)} ${level.padEnd(6)} ${result.padEnd(6)} ${String(milliseconds).padStart(6)}  ${title}`;
  return reason === '' ? [line] : [line, `${' '.repeat(45)}${reason}`];
}

function summaryOf({ verdicts, remained }: Judgement): string {
  const count = (result: string, level?: string): number =>
    verdicts.filter((verdict) => verdict.result === result && (level ?? verdict.level) === verdict.level).length;
  const left = remained === 0 ? '' : ` ${remained} resources of the run could not be deleted.`;
  return (
    `${verdicts.length} cases: ${count('pass')} passed, ${count('skip')} skipped, ` +
    `${count('fail', 'SHALL')} SHALL failed, ${count('fail', 'SHOULD')} SHOULD failed, ${count('fail', 'MAY')} MAY not done.${left}`
  );
}
