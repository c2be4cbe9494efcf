/**
 * A stored event as a FHIR AuditEvent. https://hl7.org/fhir/R4/auditevent.html, IHE BALP 1.1
 * (https://profiles.ihe.net/ITI/BALP/): Create, Read, Update, Delete, Query and their Patient variants.
 *
 * 1. The same record always gives the same resource: seals are over its canonical text. What changes here is a new format
 *    beside this one, which stays for the events that it was made for.
 * 2. Nothing of the content of a resource stands in an event: ids, versions and, for a search, the request as it came.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { kinds, ownCommands, ownOperations, type Kind } from './kinds.ts';
import type { AuditRecord, Touched } from './record.ts';

export interface Rendering {
  /** Who writes the log: the address of the laboratory. */
  readonly observer: string;
}

const dicom = 'http://dicom.nema.org/resources/ontology/DCM';
const source = { system: dicom, code: '110153', display: 'Source Role ID' };
const destination = { system: dicom, code: '110152', display: 'Destination Role ID' };
const recipient = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
  code: 'IRCP',
  display: 'information recipient',
};
const entityTypes = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const entityRoles = 'http://terminology.hl7.org/CodeSystem/object-role';
const person = { system: entityTypes, code: '1', display: 'Person' };
const systemObject = { system: entityTypes, code: '2', display: 'System Object' };
const patientRole = { system: entityRoles, code: '1', display: 'Patient' };
const domainResource = { system: entityRoles, code: '4', display: 'Domain Resource' };
const queryRole = { system: entityRoles, code: '24', display: 'Query' };
const requestEntity = {
  system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
  code: 'XrequestId',
};
const profiles = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';

export function auditEvent(record: AuditRecord, { observer }: Rendering): JsonObject {
  const kind: Kind = kinds[record.kind];
  const profile = profileOf(record, kind);
  return {
    resourceType: 'AuditEvent',
    id: record.id,
    ...(profile !== undefined && { meta: { profile: [profile] } }),
    type: kind.type,
    subtype: record.deed === undefined ? [kind.subtype] : [kind.subtype, deed(record.deed)],
    action: kind.action,
    recorded: new Date(record.time).toISOString(),
    outcome: String(record.outcome),
    ...(record.reason !== undefined && { outcomeDesc: record.reason }),
    ...(record.purposes.length > 0 && { purposeOfEvent: record.purposes.map(purpose) }),
    agent: agents(record, kind, observer),
    source: {
      observer: { display: observer },
      type: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
          code: '4',
          display: 'Application Server',
        },
      ],
    },
    entity: entities(record),
  };
}

/** BALP's profiles are for what succeeded; of more patients than one none speaks. */
function profileOf({ outcome, patients }: AuditRecord, { balp }: Kind): string | undefined {
  if (balp === undefined || outcome !== 0) return undefined;
  return `${profiles}${patients.length === 1 ? 'Patient' : ''}${balp}`;
}

function deed(name: string): JsonObject {
  const system = name.startsWith('$')
    ? ownOperations
    : name.includes(' ')
      ? ownCommands
      : 'http://hl7.org/fhir/restful-interaction';
  return { system, code: name };
}

function purpose(code: string): JsonObject {
  return { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code }] };
}

function agents({ agent, address }: AuditRecord, kind: Kind, observer: string): JsonObject[] {
  const user = agent.subject === '' || agent.subject === agent.client ? undefined : agent;
  const application: JsonObject = {
    type: { coding: [kind.toClient ? destination : source] },
    who: { identifier: { value: agent.client === '' ? 'unknown' : agent.client } },
    requestor: user === undefined,
    ...(user === undefined && roles(agent.roles)),
    ...(address !== '' && { network: { address, type: '2' } }),
  };
  const server: JsonObject = {
    type: { coding: [kind.toClient ? source : destination] },
    who: { display: observer },
    requestor: false,
  };
  if (user === undefined) return [application, server];
  const who: JsonObject = {
    ...(user.fhirUser !== undefined && { reference: user.fhirUser }),
    identifier: { value: user.subject },
    ...(user.name !== undefined && { display: user.name }),
  };
  return [
    application,
    server,
    {
      type: { coding: [recipient] },
      ...roles(user.roles),
      who,
      altId: user.subject,
      ...(user.name !== undefined && { name: user.name }),
      requestor: true,
    },
  ];
}

function roles(names: readonly string[]): JsonObject {
  return names.length === 0 ? {} : { role: names.map((name): JsonValue => ({ coding: [{ code: name }] })) };
}

function entities({ touched, patients, query, requestId, further = [] }: AuditRecord): JsonObject[] {
  return [
    ...touched.map(({ type, id, version }: Touched) => ({
      what: { reference: version === undefined ? `${type}/${id}` : `${type}/${id}/_history/${version}` },
      type: systemObject,
      role: domainResource,
    })),
    ...patients.map((id) => ({ what: { reference: `Patient/${id}` }, type: person, role: patientRole })),
    ...(query === undefined
      ? []
      : [{ type: systemObject, role: queryRole, query: Buffer.from(query, 'utf8').toString('base64') }]),
    { what: { identifier: { value: requestId } }, type: requestEntity },
    ...further,
  ];
}
