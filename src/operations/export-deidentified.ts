/**
 * $export-deidentified: a bulk export for research and statistics, of the whole laboratory, without who the patients are.
 *
 *   GET or POST [base]/$export-deidentified?project=…&_type=…       Prefer: respond-async
 *
 * For whoever may do research (manage/research), who needs no right to read. Only what is exported can be chosen, by type:
 * by a search, a list of patients or a time one could find out who stands behind a pseudonym. Status, files and deletion are
 * those of $export.
 */
import { checkProject, researchCaller } from '../exporting/research.ts';
import { exportedTypes } from '../deidentification/rules.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { optional, required } from './administer.ts';
import { begin, checkCall } from './export.ts';
import { checkFormat } from './export-parameters.ts';
import { operationInput, type Input } from './parameters.ts';

export async function deidentifiedExport(context: Context, call: Call): Promise<Answer> {
  checkCall(context, call);
  const input = await operationInput(context, call, ['project', '_type', '_outputFormat', '_format']);
  checkFormat(optional(input, '_outputFormat'));
  const name = required(input, 'project');
  await checkProject(context.session, name);
  return begin(context, call, {
    level: { of: 'system' },
    types: typesOf(input),
    filters: {},
    elements: [],
    byPatient: false,
    partial: false,
    remarks: [],
    project: name,
    caller: researchCaller(context.caller),
  });
}

function typesOf(input: Input): string[] {
  const named = input.texts('_type').flatMap((text) => text.split(','));
  const unknown = named.find((type) => !exportedTypes.includes(type));
  if (unknown !== undefined) {
    const sentence = `_type: the rules name no ${unknown.slice(0, 80)}; possible: ${exportedTypes.join(', ')}.`;
    throw outcomeError('not-supported', sentence, { status: 400 });
  }
  return exportedTypes.filter((type) => named.length === 0 || named.includes(type));
}
