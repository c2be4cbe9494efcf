/** What reports on the audit log say in the same way: who somebody is. */
import type { JsonObject } from '../fhir/json.ts';
import type { Someone } from './report-people.ts';

export function userParts({ agent, person, name, username, clientName, organizations }: Someone): JsonObject[] {
  const { subject, fhirUser, roles, client } = agent;
  const user = { ...(fhirUser !== undefined && { reference: fhirUser }), identifier: { value: subject } };
  return [
    ...(person ? [{ name: 'user', valueReference: user }] : []),
    ...text('name', name),
    ...text('username', username),
    ...roles.map((role) => ({ name: 'role', valueCode: role })),
    ...organizations.map((one) => ({
      name: 'organization',
      valueReference: { reference: one.reference, ...(one.name !== undefined && { display: one.name }) },
    })),
    ...text('client', client === '' ? undefined : client),
    ...text('client-name', clientName),
  ];
}

export function text(name: string, value: string | undefined): JsonObject[] {
  return value === undefined || value === '' ? [] : [{ name, valueString: value }];
}
