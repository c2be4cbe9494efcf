/**
 * A stored event as a FHIR AuditEvent. https://hl7.org/fhir/R4/auditevent.html, IHE BALP 1.1
 * (https://profiles.ihe.net/ITI/BALP/): Create, Read, Update, Delete, Query and their Patient variants.
 *
 * 1. The same record always gives the same resource: seals are over its canonical text. What changes here is a new format
 *    beside this one, which stays for the events that it was made for.
 * 2. Nothing of the content of a resource stands in an event: ids, versions and, for a search, the request as it came.
 * 3. Members stand in the order of their names, so that JSON.stringify writes the canonical text (RFC 8785): sorting
 *    them anew cost three times the rest of a seal.
 */
import { canonicalJson, inCanonicalOrder } from './canonical.ts';
import { externalEvent } from './external.ts';
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { kinds, ownCommands, ownOperations, type Kind } from './kinds.ts';
import type { AuditRecord, Touched } from './record.ts';

export interface Rendering {
  /** Who writes the log: the address of the laboratory. */
  readonly observer: string;
}

const dicom = 'http://dicom.nema.org/resources/ontology/DCM';
const source = { code: '110153', display: 'Source Role ID', system: dicom };
const destination = { code: '110152', display: 'Destination Role ID', system: dicom };
const recipient = {
  code: 'IRCP',
  display: 'information recipient',
  system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
};
const entityTypes = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const entityRoles = 'http://terminology.hl7.org/CodeSystem/object-role';
const person = { code: '1', display: 'Person', system: entityTypes };
const systemObject = { code: '2', display: 'System Object', system: entityTypes };
const patientRole = { code: '1', display: 'Patient', system: entityRoles };
const domainResource = { code: '4', display: 'Domain Resource', system: entityRoles };
const queryRole = { code: '24', display: 'Query', system: entityRoles };
const requestEntity = {
  code: 'XrequestId',
  system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
};
const profiles = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';

export function auditEvent(record: AuditRecord, { observer }: Rendering): JsonObject {
  if (record.sent !== undefined) return externalEvent(record, record.sent);
  const kind: Kind = kinds[record.kind];
  const profile = profileOf(record, kind);
  return {
    action: kind.action,
    agent: agents(record, kind, observer),
    entity: entities(record),
    id: record.id,
    ...(profile !== undefined && { meta: { profile: [profile] } }),
    outcome: String(record.outcome),
    ...(record.reason !== undefined && { outcomeDesc: record.reason }),
    ...(record.purposes.length > 0 && { purposeOfEvent: record.purposes.map(purpose) }),
    recorded: new Date(record.time).toISOString(),
    resourceType: 'AuditEvent',
    source: { observer: { display: observer }, type: applicationServer },
    subtype: record.deed === undefined ? [kind.subtype] : [kind.subtype, deed(record.deed)],
    type: kind.type,
  };
}

/** The text that seals are over: RFC 8785. */
export function auditEventText(record: AuditRecord, rendering: Rendering): string {
  if (record.sent !== undefined) return canonicalJson(externalEvent(record, record.sent));
  return JSON.stringify(auditEvent(record, rendering));
}

const applicationServer = [
  {
    code: '4',
    display: 'Application Server',
    system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
  },
];

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
  return { code: name, system };
}

function purpose(code: string): JsonObject {
  return { coding: [{ code, system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason' }] };
}

function agents({ agent, address }: AuditRecord, kind: Kind, observer: string): JsonObject[] {
  const user = agent.subject === '' || agent.subject === agent.client ? undefined : agent;
  const application: JsonObject = {
    ...(address !== '' && { network: { address, type: '2' } }),
    requestor: user === undefined,
    ...(user === undefined && roles(agent.roles)),
    type: { coding: [kind.toClient ? destination : source] },
    who: { identifier: { value: agent.client === '' ? 'unknown' : agent.client } },
  };
  const server: JsonObject = {
    requestor: false,
    type: { coding: [kind.toClient ? source : destination] },
    who: { display: observer },
  };
  if (user === undefined) return [application, server];
  const { subject, name, fhirUser } = user;
  const who: JsonObject = {
    ...(name !== undefined && { display: name }),
    identifier: { value: subject },
    ...(fhirUser !== undefined && { reference: fhirUser }),
  };
  return [
    application,
    server,
    {
      altId: subject,
      ...(name !== undefined && { name }),
      requestor: true,
      ...roles(user.roles),
      type: { coding: [recipient] },
      who,
    },
  ];
}

function roles(names: readonly string[]): JsonObject {
  return names.length === 0 ? {} : { role: names.map((name): JsonValue => ({ coding: [{ code: name }] })) };
}

function entities({ touched, patients, query, requestId, further = [] }: AuditRecord): JsonObject[] {
  return [
    ...touched.map(({ type, id, version }: Touched) => ({
      role: domainResource,
      type: systemObject,
      what: { reference: version === undefined ? `${type}/${id}` : `${type}/${id}/_history/${version}` },
    })),
    ...patients.map((id) => ({ role: patientRole, type: person, what: { reference: `Patient/${id}` } })),
    ...(query === undefined
      ? []
      : [{ query: Buffer.from(query, 'utf8').toString('base64'), role: queryRole, type: systemObject }]),
    { type: requestEntity, what: { identifier: { value: requestId } } },
    ...further.map(inCanonicalOrder),
  ];
}
