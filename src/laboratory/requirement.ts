/** What must be collected for tests: containers, how many of each, and which tests each is for. */
import type { ContainerDefinition, TestDefinition } from './test-definition.ts';

export interface Requirement<Test extends { readonly test: TestDefinition }> {
  readonly container: ContainerDefinition;
  /** Containers of this kind. */
  readonly count: number;
  /** Millilitres that all tests take together. */
  readonly volume: number;
  readonly tests: readonly Test[];
}

/**
 * Tests in the same container go together, whichever version of it their definitions name. `containers`: SpecimenDefinitions
 * by id; a test without one that is known needs no specimen.
 */
export function requirementsOf<Test extends { readonly test: TestDefinition }>(
  tests: readonly Test[],
  containers: ReadonlyMap<string, ContainerDefinition>,
): Requirement<Test>[] {
  const grouped = Map.groupBy(tests, ({ test }) => containerOf(test, containers)?.code);
  return [...grouped].flatMap(([code, group]) => {
    const container = code === undefined ? undefined : containerOf(group[0]!.test, containers);
    if (container === undefined) return [];
    const volume = group.reduce((sum, { test }) => sum + (test.volume ?? 0), 0);
    const { capacity } = container;
    const count = capacity === undefined || capacity <= 0 ? 1 : Math.max(1, Math.ceil(volume / capacity - 1e-9));
    return [{ container, count, volume: Math.max(volume, container.minimum ?? 0), tests: group }];
  });
}

export function containerOf(
  test: TestDefinition,
  containers: ReadonlyMap<string, ContainerDefinition>,
): ContainerDefinition | undefined {
  const [id = ''] = test.containers;
  return containers.get(id);
}
