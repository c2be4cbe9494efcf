/** The resources that the cases send: small, valid, and recognisable by an identifier of the run. */
import type { Resource, World } from './world.ts';

export interface Named {
  value: string;
  /** `system|value`, ready for a query. */
  token: string;
  identifier: { system: string; value: string };
}

/** An identifier that only this run and this call use. */
export function named(world: World): Named {
  const value = world.unique();
  return { value, token: encodeURIComponent(`${world.system}|${value}`), identifier: { system: world.system, value } };
}

export function patient(world: World, extra: Record<string, unknown> = {}): Resource {
  return {
    resourceType: 'Patient',
    identifier: [named(world).identifier],
    active: true,
    name: [{ family: 'Conformance', given: ['Case'] }],
    gender: 'female',
    birthDate: '1980-02-29',
    ...extra,
  };
}

export function observation(world: World, subject: string, extra: Record<string, unknown> = {}): Resource {
  return {
    resourceType: 'Observation',
    identifier: [named(world).identifier],
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '718-7', display: 'Hemoglobin [Mass/volume] in Blood' }] },
    subject: { reference: subject },
    effectiveDateTime: '2024-05-06T07:08:09+03:00',
    ...extra,
  };
}

/** The `Type/id` of a resource that the server holds. */
export function nameOf(resource: Resource): string {
  return `${resource.resourceType}/${resource['id']}`;
}

/** The resource without what the server owns. */
export function content(resource: Resource): Resource {
  const { id: _id, meta: _meta, text: _text, ...rest } = resource;
  return rest as Resource;
}
