/** Whom a resource is about, as the index has it in the column `patient`. Pure. */
import type { JsonObject } from '../fhir/json.ts';
import { extract } from './extract.ts';
import { resourceColumns } from './rows.ts';
import { standardParameters, type TypeParameters } from './parameters.ts';

const place = resourceColumns.findIndex(({ name }) => name === 'patient');

const narrowed = new WeakMap<TypeParameters, TypeParameters>();

/** Without the paths that make other rows. */
function ofPatient(type: string): TypeParameters {
  const whole = standardParameters(type);
  let narrow = narrowed.get(whole);
  if (narrow === undefined) {
    narrow = { ...whole, paths: whole.paths.filter(({ column }) => column === 'patient') };
    narrowed.set(whole, narrow);
  }
  return narrow;
}

/** @param bases our own addresses: references below them are local */
export function patientOf(resource: JsonObject, bases: readonly string[]): string | undefined {
  const { contained: _, ...rest } = resource;
  const patient = extract(rest, { zone: 'UTC', bases, of: ofPatient }).columns[place];
  return typeof patient === 'string' ? patient : undefined;
}
