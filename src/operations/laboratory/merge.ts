/**
 * Two Patients that are one person, and taking that back.
 *
 *   POST [base]/Patient/$merge      source, target (references), reason    200: Parameters with source and target
 *   POST [base]/Patient/$unmerge    source, target, reason
 *
 * The source is replaced by the target: it is not active any more, each is linked to the other, and the target gets its
 * identifiers as old ones, so that it is found by them. What is about the source goes with it and comes back
 * (merged-records.ts). Orders for the source are refused.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Call } from '../../interactions/call.ts';
import { linked } from '../../laboratory/patient-match.ts';
import { object, objects } from '../../laboratory/terms.ts';
import type { Answer, Context } from '../../request.ts';
import { operationInput } from '../parameters.ts';
import { missing, textOf } from '../request-input.ts';
import { referenceIn } from './input.ts';
import { moveRecords, returnRecords } from './merged-records.ts';
import { changed, writeAll, writtenResource, type Known } from './server-rights.ts';
import { keepCustody } from './specimen-step.ts';
import { known } from './specimens-and-orders.ts';

interface Pair {
  readonly source: Known;
  readonly target: Known;
  readonly names: { readonly source: string; readonly target: string };
}

type Joining = (pair: Pair) => { readonly source: JsonObject; readonly target: JsonObject };

export function merge(context: Context, call: Call): Promise<Answer> {
  return join(context, call, merged, moveRecords);
}

export function unmerge(context: Context, call: Call): Promise<Answer> {
  return join(context, call, parted, async (inside, source, target) => {
    await returnRecords(inside, source, target);
    return [];
  });
}

async function join(context: Context, call: Call, joining: Joining, carry: typeof moveRecords): Promise<Answer> {
  const input = await operationInput(context, call, ['source', 'target', 'reason']);
  const names = {
    source: referenceIn(input, 'source', ['Patient']) ?? missing('source'),
    target: referenceIn(input, 'target', ['Patient']) ?? missing('target'),
  };
  const reason = textOf(input, 'reason', 500) ?? missing('reason');
  if (names.source === names.target) {
    throw outcomeError('business-rule', `${names.source} is source and target: a patient is not merged with himself.`);
  }
  return inTransaction(context, async (inside) => {
    const source = await known(inside, 'Patient', names.source.slice('Patient/'.length));
    const target = await known(inside, 'Patient', names.target.slice('Patient/'.length));
    const after = joining({ source, target, names });
    const written = [changed(inside, after.source, source.version), changed(inside, after.target, target.version)];
    await writeAll(inside, written);
    const step = call.target.operation.slice(1);
    const sources = await carry(inside, names.source, names.target);
    await keepCustody(inside, { targets: [names.source, names.target], step, reason: { text: reason }, sources });
    const [first, second] = written.map(writtenResource);
    const parameter = [
      { name: 'source', resource: first ?? null },
      { name: 'target', resource: second ?? null },
    ];
    return { status: 200, resource: { resourceType: 'Parameters', parameter } };
  });
}

function merged({ source, target, names }: Pair): ReturnType<Joining> {
  for (const [{ resource }, name] of [
    [source, names.source],
    [target, names.target],
  ] as const) {
    if (resource['active'] !== false) continue;
    const [by] = linked(resource, 'replaced-by');
    throw outcomeError('conflict', `${name} is not active${by === undefined ? '' : `: it is replaced by ${by}`}.`);
  }
  const identifiers = objects(target.resource['identifier']);
  const own = new Set(identifiers.map(({ system, value }) => `${String(system)}|${String(value)}`));
  const added = objects(source.resource['identifier'])
    .filter(({ system, value }) => !own.has(`${String(system)}|${String(value)}`))
    .map((identifier) => ({ ...identifier, use: 'old' }));
  return {
    source: { ...source.resource, active: false, link: withLink(source.resource, names.target, 'replaced-by') },
    target: {
      ...target.resource,
      ...(identifiers.length + added.length > 0 && { identifier: [...identifiers, ...added] }),
      link: withLink(target.resource, names.source, 'replaces'),
    },
  };
}

function withLink({ link }: JsonObject, reference: string, type: string): JsonObject[] {
  return [...objects(link), { other: { reference }, type }];
}

function parted({ source, target, names }: Pair): ReturnType<Joining> {
  if (!linked(source.resource, 'replaced-by').includes(names.target)) {
    throw outcomeError(
      'conflict',
      `${names.source} is not replaced by ${names.target}: there is nothing to take back.`,
    );
  }
  if (target.resource['active'] === false) {
    const [by = 'another'] = linked(target.resource, 'replaced-by');
    throw outcomeError('conflict', `${names.target} is replaced by ${by}: take that back first.`);
  }
  const its = new Set(
    objects(source.resource['identifier']).map(({ system, value }) => `${String(system)}|${String(value)}`),
  );
  const identifiers = objects(target.resource['identifier']).filter(
    ({ system, value, use }) => use !== 'old' || !its.has(`${String(system)}|${String(value)}`),
  );
  return {
    source: withLinks({ ...source.resource, active: true }, names.target),
    target: withMember(withLinks(target.resource, names.source), 'identifier', identifiers),
  };
}

/** Without the links to another. */
function withLinks(patient: JsonObject, reference: string): JsonObject {
  const links = objects(patient['link']).filter(({ other }) => object(other)['reference'] !== reference);
  return withMember(patient, 'link', links);
}

function withMember(resource: JsonObject, member: string, values: JsonObject[]): JsonObject {
  const { [member]: _member, ...rest } = resource;
  return values.length === 0 ? rest : { ...rest, [member]: values };
}
