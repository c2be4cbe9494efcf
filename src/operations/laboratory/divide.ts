/**
 * Specimens made of others.
 *
 *   POST [base]/Specimen/[id]/$aliquot    count? (1 to 50), volume? (mL each), note?      201: Parameters with specimen…
 *   POST [base]/Specimen/$pool            specimen (2 to 100)                             201: the pool
 *
 * An aliquot has the number of its parent with a hyphen and its own behind it, and the parent's orders. A pool has a number
 * of its own; of several patients it names none as its subject. Both name their parents.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Call } from '../../interactions/call.ts';
import { newId } from '../../interactions/new-id.ts';
import { accessionSystem } from '../../laboratory/accession-number.ts';
import { afterStep, numberOf, withExtension } from '../../laboratory/specimen.ts';
import { codings, object, objects, text, ucumSystem } from '../../laboratory/terms.ts';
import type { Answer, Context } from '../../request.ts';
import { operationInput } from '../parameters.ts';
import { textOf } from '../request-input.ts';
import { nextNumber } from './accession.ts';
import { numberIn, referencesIn } from './input.ts';
import { asServer, changed, made, writeAll, writtenResource } from './server-rights.ts';
import { keepCustody } from './specimen-step.ts';
import { known, knownAll, knownBy } from './specimens-and-orders.ts';

const mostAliquots = 50;
const mostPooled = 100;

export async function aliquot(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['count', 'volume', 'note']);
  const count = numberIn(input, 'count', mostAliquots) ?? 1;
  if (!Number.isInteger(count) || count === 0) {
    throw outcomeError('invalid', `count is a whole number from 1 to ${mostAliquots}.`, { status: 400 });
  }
  const volume = numberIn(input, 'volume', 1_000);
  const note = textOf(input, 'note', 2_000);
  const parent = `Specimen/${call.target.id}`;
  return inTransaction(context, async (inside) => {
    const { resource, version } = await known(inside, 'Specimen', call.target.id);
    // The new version of the parent keeps others from counting its aliquots at the same time.
    await writeAll(inside, [changed(inside, afterStep(resource, 'aliquot'), version)]);
    const before = (await knownBy(asServer(inside), 'Specimen', [['parent', parent]])).length;
    const parts = Array.from({ length: count }, (_, i) =>
      made(inside, aliquotOf(resource, { number: before + i + 1, volume, note })),
    );
    await writeAll(inside, parts);
    const targets = parts.map(({ entry }) => `Specimen/${entry.id}`);
    await keepCustody(inside, { targets, step: 'aliquot', sources: [parent] });
    const parameter = parts.map((one) => ({ name: 'specimen', resource: writtenResource(one) }));
    return { status: 201, resource: { resourceType: 'Parameters', parameter } };
  });
}

interface Part {
  readonly number: number;
  readonly volume: number | undefined;
  readonly note: string | undefined;
}

function aliquotOf(parent: JsonObject, { number, volume, note }: Part): JsonObject {
  const { id, meta: _meta, note: _note, container, ...rest } = withExtension(parent, 'specimen-location', undefined);
  const [vessel = {}] = objects(container);
  return {
    ...afterStep(rest, 'aliquot'),
    accessionIdentifier: { system: accessionSystem, value: `${numberOf(parent)}-${number}` },
    parent: [{ reference: `Specimen/${String(id)}` }],
    container: [
      {
        ...vessel,
        description: 'Aliquot',
        ...(volume !== undefined && {
          specimenQuantity: { value: volume, unit: 'mL', system: ucumSystem, code: 'mL' },
        }),
      },
    ],
    ...(note !== undefined && { note: [{ text: note }] }),
  };
}

export async function pool(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['specimen']);
  const references = [...new Set(referencesIn(input, 'specimen', ['Specimen']))];
  if (references.length < 2 || references.length > mostPooled) {
    throw outcomeError('invalid', `A pool has 2 to ${mostPooled} specimens, not ${references.length}.`, {
      status: 400,
    });
  }
  return inTransaction(context, async (inside) => {
    const parents = await knownAll(inside, 'Specimen', references);
    const taken = parents.map(({ resource, version }) => changed(inside, afterStep(resource, 'pool'), version));
    await writeAll(inside, taken);
    const id = newId();
    const resources = parents.map(({ resource }) => resource);
    const prepared = made(inside, poolOf(resources, references, await nextNumber(inside, 'POOL')), id);
    await writeAll(inside, [prepared]);
    await keepCustody(inside, { targets: [`Specimen/${id}`], step: 'pool', sources: references });
    return { status: 201, resource: writtenResource(prepared) };
  });
}

/** @throws OutcomeError `business-rule` for specimens of several kinds. */
function poolOf(parents: readonly JsonObject[], references: readonly string[], number: string): JsonObject {
  const types = new Set(parents.map(({ type }) => text(codings(type)[0]?.['code']) ?? text(object(type)['text'])));
  if (types.size > 1) {
    throw outcomeError('business-rule', `The specimens are of ${types.size} kinds: a pool is of one.`);
  }
  const subjects = new Set(parents.map(({ subject }) => text(object(subject)['reference'])));
  const [first = {}] = parents;
  const ofOne = subjects.size === 1 && first['subject'] !== undefined;
  return withExtension(
    {
      resourceType: 'Specimen',
      accessionIdentifier: { system: accessionSystem, value: number },
      status: 'available',
      ...(first['type'] !== undefined && { type: first['type'] }),
      ...(ofOne && { subject: first['subject'] ?? null }),
      parent: references.map((reference) => ({ reference })),
      request: parents.flatMap(({ request }) => objects(request)),
    },
    'specimen-state',
    { valueCode: 'received' },
  );
}
