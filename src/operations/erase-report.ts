/** The answer of $erase: what goes, stays by a rule, lost a reference, or still names the patient, counted by type. */
import type { JsonObject } from '../fhir/json.ts';
import { typeName } from '../fhir/resource-types.ts';
import type { Keeping } from './erase-keep.ts';
import type { Item, Plan } from './erase-plan.ts';

export interface Done {
  readonly dryRun: boolean;
  /** The erasure; none where nothing was done. */
  readonly tombstone?: string | undefined;
  readonly files?: number;
}

/** References of what is left that are named one by one; a guess at what a person looks through. */
const mostNamed = 1_000;

export function erasureReport(plan: Plan, keeping: Keeping, { dryRun, tombstone, files }: Done): JsonObject {
  const parameter = [
    { name: 'dryRun', valueBoolean: dryRun },
    ...counts('erased', typesOf(plan.erased)),
    ...counts('kept', typesOf(plan.kept), keeping.rule),
    ...counts(
      'dereferenced',
      plan.masked.map(({ type }) => type),
    ),
    ...counts(
      'left',
      plan.left.map(({ name }) => name.slice(0, name.indexOf('/'))),
    ),
    ...plan.left.slice(0, mostNamed).map(({ name, why }) => ({
      name: 'leftResource',
      part: [
        { name: 'resource', valueReference: { reference: name } },
        { name: 'reason', valueString: why },
      ],
    })),
    { name: 'versions', valueInteger: plan.versions.length },
    ...(files === undefined ? [] : [{ name: 'files', valueInteger: files }]),
    ...(tombstone === undefined ? [] : [{ name: 'tombstone', valueUuid: `urn:uuid:${tombstone}` }]),
  ];
  return { resourceType: 'Parameters', parameter };
}

function typesOf(items: readonly Item[]): string[] {
  return items.map(({ type }) => typeName(type));
}

function counts(name: string, types: readonly string[], rule?: string): JsonObject[] {
  const byType = new Map<string, number>();
  for (const type of types) byType.set(type, (byType.get(type) ?? 0) + 1);
  return [...byType]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, count]) => ({
      name,
      part: [
        { name: 'type', valueCode: type },
        { name: 'count', valueInteger: count },
        ...(rule === undefined ? [] : [{ name: 'rule', valueString: rule }]),
      ],
    }));
}
