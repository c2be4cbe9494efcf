/**
 * What an answer to bad input must be: a 4xx whose OperationOutcome has a sentence for people, or a success because
 * the input was in fact valid; never a 5xx, and nothing of the inside of the server in the sentence.
 */
import type { Answer, Client } from '../../conformance/client.ts';

const inside =
  /\n\s+at |TypeError|RangeError|SyntaxError|ReferenceError|insert into|select \*|node:internal|\[object Object\]/i;

/** What is wrong with the answer; '' when nothing is. */
export function wrongWith(answer: Answer): string {
  if (answer.status < 400) {
    return wrongWithEntries(answer);
  }
  const what = `${answer.status} ${answer.text.slice(0, 300)}`;
  return answer.status >= 500 ? `a server fault: ${what}` : wrongWithOutcome(answer, what);
}

/** A batch succeeds as a whole; its entries are judged each for itself. */
function wrongWithEntries(answer: Answer): string {
  const entries: { response?: { status?: string; outcome?: unknown } }[] = answer.json?.entry ?? [];
  const faults = entries.filter((entry) => (entry.response?.status ?? '').startsWith('5'));
  const silent = entries.filter(
    (entry) => (entry.response?.status ?? '').startsWith('4') && entry.response?.outcome === undefined,
  );
  return faults.length + silent.length === 0
    ? ''
    : `an entry with a fault or without outcome: ${answer.text.slice(0, 300)}`;
}

/** How many writes an answer acknowledges. */
export function acknowledged(answer: Answer): number {
  if (/-response$/.test(answer.json?.type)) {
    const entries: { response?: { status?: string } }[] = answer.json.entry ?? [];
    return entries.filter((entry) => /^20[01]/.test(entry.response?.status ?? '')).length;
  }
  return answer.status === 200 || answer.status === 201 ? 1 : 0;
}

interface Issue {
  severity?: string;
  code?: string;
  diagnostics?: string;
}

function wrongWithOutcome(answer: Answer, what: string): string {
  const issues: Issue[] = answer.json?.resourceType === 'OperationOutcome' ? (answer.json.issue ?? []) : [];
  const grave = issues.filter((issue) => issue.severity === 'error' || issue.severity === 'fatal');
  if (grave.length === 0) {
    return `no OperationOutcome with an error: ${what}`;
  }
  if (grave.some((issue) => !/\S{2,} .*\S/.test(issue.diagnostics ?? ''))) {
    return `no sentence: ${what}`;
  }
  return inside.test(answer.text) ? `the inside of the server is shown: ${what}` : '';
}

/** How many versions the laboratory holds: what was refused must not have left one. */
export async function versionsOf(client: Client): Promise<number> {
  let count = 0;
  let url: string | undefined = '_history?_count=1000';
  while (url !== undefined) {
    const answer: Answer = await client.send('GET', url);
    if (answer.status !== 200) {
      throw new Error(`The history cannot be read: ${answer.status} ${answer.text.slice(0, 300)}`);
    }
    count += answer.json.entry?.length ?? 0;
    url = answer.json.link?.find((link: { relation: string }) => link.relation === 'next')?.url;
  }
  return count;
}
