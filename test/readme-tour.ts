/** The tour in README as a list of steps: the fenced sh blocks below its heading. */

export interface Step {
  command: string;
  /** What its output must hold. */
  promises: string[];
}

const heading = '## A five-minute tour';

/** Steps are separated by empty lines and by promises; a line that ends with a backslash, a quote or a here-document goes on. */
export function stepsOf(readme: string): Step[] {
  const start = readme.indexOf(heading);
  if (start < 0) {
    throw new Error(`README has no heading "${heading}".`);
  }
  const tour = readme.slice(start + heading.length).split(/^## /m)[0] ?? '';
  const blocks = [...tour.matchAll(/^```sh\n(.*?)^```/gms)].map((match) => match[1] ?? '');
  return blocks.flatMap(stepsOfBlock).filter((step) => !/^(npm ci|npm start|npm ci && npm start)\b/.test(step.command));
}

function stepsOfBlock(block: string): Step[] {
  const steps: Step[] = [];
  let command: string[] = [];
  const finish = (promises: string[]): void => {
    if (command.length > 0) {
      steps.push({ command: command.join('\n'), promises });
    }
    command = [];
  };
  for (const line of block.split('\n')) {
    const promise = /^#\s*(?:→|->)\s*(.+)$/.exec(line)?.[1];
    if (promise !== undefined) {
      finishOrAdd(steps, command, promise.trim(), finish);
    } else if (line.trim() === '') {
      finish([]);
    } else if (!line.startsWith('#')) {
      const inline = /^(.*?)\s+#\s*(?:→|->)\s*(.+)$/.exec(line);
      command.push(inline?.[1] ?? line);
      if (inline?.[2] !== undefined) {
        finish([inline[2].trim()]);
      }
    }
  }
  finish([]);
  return steps;
}

/** A second promise under one command belongs to the same step. */
function finishOrAdd(
  steps: Step[],
  command: readonly string[],
  promise: string,
  finish: (promises: string[]) => void,
): void {
  if (command.length > 0) {
    finish([promise]);
  } else {
    steps.at(-1)?.promises.push(promise);
  }
}
