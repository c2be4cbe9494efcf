/** The drivers of the product, drivers/*.json: read once, when the server starts. A bad one stops it with a sentence. */
import { readdirSync, readFileSync } from 'node:fs';
import { generic, type Driver } from '../../astm/driver.ts';
import { readDriver } from '../../astm/driver-reader.ts';
import { DriverFault } from '../../astm/json.ts';

const folder = new URL('../../../drivers/', import.meta.url);

export type Drivers = ReadonlyMap<string, Driver>;

export function loadDrivers(from: URL = folder): Drivers {
  const texts = readdirSync(from)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => ({ id: name.slice(0, -'.json'.length), value: parsed(from, name) }));
  const drivers = new Map<string, Driver>([[generic.id, generic]]);
  // Those that extend nothing first: one that is extended extends nothing itself.
  const [bases, extending] = [texts.filter((one) => !extendsAny(one)), texts.filter(extendsAny)];
  for (const { id, value } of bases) drivers.set(id, readDriver(id, value));
  const known = new Map(drivers);
  for (const { id, value } of extending) drivers.set(id, readDriver(id, value, known));
  return drivers;
}

function extendsAny({ value }: { readonly value: unknown }): boolean {
  return typeof value === 'object' && value !== null && 'extends' in value;
}

function parsed(from: URL, name: string): unknown {
  try {
    return JSON.parse(readFileSync(new URL(name, from), 'utf8'));
  } catch {
    throw new DriverFault(`drivers/${name} is no JSON.`);
  }
}
