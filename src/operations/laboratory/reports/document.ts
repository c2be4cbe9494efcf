/**
 * DiagnosticReport/[id]/$document: the report as a FHIR document (reports/document.ts).
 *
 *   GET|POST [base]/DiagnosticReport/[id]/$document    language? digits? requisition? as of $report    200: Bundle
 *
 * It has all that the report names, and what that names. What tells of the patient must be readable for the caller, as for
 * $report; people, organizations and devices that are not stand by their words alone.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { isId, listReferences } from '../../../fhir/reference.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { typeNumber } from '../../../fhir/resource-types.ts';
import type { Call } from '../../../interactions/call.ts';
import { parseStored } from '../../../interactions/document.ts';
import { newId } from '../../../interactions/new-id.ts';
import { showed } from '../../../interactions/trail.ts';
import { visibleCurrent } from '../../../interactions/visible.ts';
import { objects, text } from '../../../laboratory/terms.ts';
import { documentBundle } from '../../../reports/document.ts';
import type { Answer, Context } from '../../../request.ts';
import { yesOrNo } from '../../administer.ts';
import { operationInput } from '../../parameters.ts';
import { coreOf, gather, type Core } from './gather.ts';
import { modelOf } from './make.ts';
import { requisitionOf } from './requisition.ts';
import { templateOf } from './template.ts';
import { wantedOf } from './wanted.ts';

const clinical: ReadonlySet<string> = new Set(['Patient', 'Observation', 'Specimen', 'ServiceRequest', 'Encounter']);
const others: ReadonlySet<string> = new Set(['Practitioner', 'PractitionerRole', 'Organization', 'Device', 'Location']);

/** A report that names more is no report of a patient. */
const most = 1_000;

export async function document(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['language', 'digits', 'requisition']);
  const wanted = wantedOf(input, call);
  const together = yesOrNo(input, 'requisition');
  const core = await (together ? requisitionOf : coreOf)(context, call.target.id);
  const gathered = await gather(context, core);
  const template = await templateOf(context);
  const shown = objects(core.report['result']).flatMap(
    ({ reference }) => core.results.get(text(reference) ?? '') ?? [],
  );
  const resource = documentBundle({
    // Those of a requisition together are none that is stored.
    report: core.kind === 'report' ? core.report : { ...core.report, id: newId() },
    included: await includedBy(context, core),
    results: shown as JsonObject[],
    model: modelOf(context, gathered, { ...wanted, template, code: undefined }),
    laboratory: context.tenant.title,
    base: context.base,
    made: { bundle: newId(), composition: newId(), now: new Date().toISOString() },
  });
  return { status: 200, resource };
}

/** What the report leads to, over as many steps as it takes. */
async function includedBy(context: Context, core: Core): Promise<Map<string, JsonObject>> {
  const found = new Map<string, JsonObject>();
  const seen = new Set<string>([`DiagnosticReport/${core.stored.id}`]);
  let waiting: readonly JsonObject[] = [core.report];
  while (waiting.length > 0) {
    const references = waiting.flatMap((one) => listReferences(one).flatMap(({ reference }) => reference ?? []));
    const next = [...new Set(references)].filter((one) => !seen.has(one));
    next.forEach((one) => seen.add(one));
    if (seen.size > most) throw outcomeError('too-costly', `The report names more than ${most} resources.`);
    const read = await Promise.all(next.map((reference) => included(context, reference)));
    waiting = read.filter((one) => one !== undefined);
    for (const one of waiting) found.set(`${String(one['resourceType'])}/${String(one['id'])}`, one);
  }
  return found;
}

async function included(context: Context, reference: string): Promise<JsonObject | undefined> {
  const [type = '', id = '', ...rest] = reference.split('/');
  if (rest.length > 0 || !isId(id) || !(clinical.has(type) || others.has(type))) return undefined;
  const stored = await visibleCurrent(context, { type: typeNumber(type) ?? -1, id });
  if (stored !== undefined && stored.text !== null) {
    showed(context.trail, stored);
    return parseStored(stored.text);
  }
  if (others.has(type)) return undefined;
  throw outcomeError('forbidden', `The report names ${reference}, which you may not read; a part of it is not given.`);
}
