/**
 * A stored event as a FHIR AuditEvent. https://hl7.org/fhir/R4/auditevent.html, IHE BALP 1.1
 * (https://profiles.ihe.net/ITI/BALP/): Create, Read, Update, Delete, Query and their Patient variants.
 *
 * 1. The same record always gives the same resource: seals are over its canonical text. What changes here is a new format
 *    beside this one, which stays for the events that it was made for.
 * 2. Nothing of the content of a resource stands in an event: ids, versions and, for a search, the request as it came.
 * 3. It is written as its canonical text (RFC 8785) at once: members in the order of their names. Making objects first and
 *    writing them took three times as long, and sealing and verifying are little else.
 */
import { canonicalJson } from './canonical.ts';
import { externalEvent } from './external.ts';
import { serializeJson, type JsonObject } from '../fhir/json.ts';
import { dicom, kinds, ownCommands, ownOperations, type Kind, type KindName } from './kinds.ts';
import type { Agent, AuditRecord, Touched } from './record.ts';

export interface Rendering {
  /** Who writes the log: the address of the laboratory. */
  readonly observer: string;
}

const quoted: (text: string) => string = JSON.stringify;

const source = typeText({ code: '110153', display: 'Source Role ID', system: dicom });
const destination = typeText({ code: '110152', display: 'Destination Role ID', system: dicom });
const recipient = typeText({
  code: 'IRCP',
  display: 'information recipient',
  system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
});
const entityTypes = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const entityRoles = 'http://terminology.hl7.org/CodeSystem/object-role';
const person = canonicalJson({ code: '1', display: 'Person', system: entityTypes });
const systemObject = canonicalJson({ code: '2', display: 'System Object', system: entityTypes });
const patientRole = canonicalJson({ code: '1', display: 'Patient', system: entityRoles });
const domainResource = canonicalJson({ code: '4', display: 'Domain Resource', system: entityRoles });
const queryRole = canonicalJson({ code: '24', display: 'Query', system: entityRoles });
const requestEntity = canonicalJson({
  code: 'XrequestId',
  system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
});
const applicationServer = canonicalJson({
  code: '4',
  display: 'Application Server',
  system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
});
const profiles = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';

/** What all events of a kind share. */
const codings = Object.fromEntries(
  Object.entries(kinds).map(([name, { type, subtype }]) => [
    name,
    { type: canonicalJson(type), subtype: canonicalJson(subtype) },
  ]),
) as Readonly<Record<KindName, { readonly type: string; readonly subtype: string }>>;

function typeText(coding: JsonObject): string {
  return canonicalJson({ coding: [coding] });
}

/** The text that seals are over. */
export function auditEventText(record: AuditRecord, rendering: Rendering): string {
  return record.sent === undefined ? ownText(record, rendering) : canonicalJson(externalEvent(record, record.sent));
}

/** The AuditEvent as it is shown: what another system sent has its numbers digit by digit. */
export function shownEventText(record: AuditRecord, rendering: Rendering): string {
  return record.sent === undefined ? ownText(record, rendering) : serializeJson(externalEvent(record, record.sent));
}

function ownText(record: AuditRecord, { observer }: Rendering): string {
  const kind: Kind = kinds[record.kind];
  const { type, subtype } = codings[record.kind];
  const { deed, id, purposes, reason } = record;
  const profile = profileOf(record, kind);
  return `{"action":"${kind.action}","agent":[${agentsText(record, kind, observer)}],"entity":[${entitiesText(record)}],\
"id":${quoted(id)}${profile === undefined ? '' : `,"meta":{"profile":["${profile}"]}`},"outcome":"${record.outcome}"\
${reason === undefined ? '' : `,"outcomeDesc":${quoted(reason)}`}\
${purposes.length === 0 ? '' : `,"purposeOfEvent":[${purposes.map(purposeText).join()}]`}\
,"recorded":"${new Date(record.time).toISOString()}","resourceType":"AuditEvent",\
"source":{"observer":{"display":${quoted(observer)}},"type":[${applicationServer}]},\
"subtype":[${subtype}${deed === undefined ? '' : `,${deedText(deed)}`}],"type":${type}}`;
}

/** BALP's profiles are for what succeeded; of more patients than one none speaks. */
function profileOf({ outcome, patients }: AuditRecord, { balp }: Kind): string | undefined {
  if (balp === undefined || outcome !== 0) return undefined;
  return `${profiles}${patients.length === 1 ? 'Patient' : ''}${balp}`;
}

function deedText(name: string): string {
  const system = name.startsWith('$')
    ? ownOperations
    : name.includes(' ')
      ? ownCommands
      : 'http://hl7.org/fhir/restful-interaction';
  return `{"code":${quoted(name)},"system":"${system}"}`;
}

function purposeText(code: string): string {
  return `{"coding":[{"code":${quoted(code)},"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason"}]}`;
}

/** The application, this server and, where there is one besides the application, the user. */
function agentsText({ agent, address }: AuditRecord, kind: Kind, observer: string): string {
  const isUser = agent.subject !== '' && agent.subject !== agent.client;
  const network = address === '' ? '' : `"network":{"address":${quoted(address)},"type":"2"},`;
  const client = quoted(agent.client === '' ? 'unknown' : agent.client);
  const [theirs, ours] = kind.toClient === true ? [destination, source] : [source, destination];
  return `{${network}"requestor":${!isUser}${isUser ? '' : rolesText(agent.roles)},"type":${theirs},\
"who":{"identifier":{"value":${client}}}},\
{"requestor":false,"type":${ours},"who":{"display":${quoted(observer)}}}${isUser ? `,${userText(agent)}` : ''}`;
}

function userText({ subject, name, fhirUser, roles }: Agent): string {
  const known = quoted(subject);
  const called = name === undefined ? undefined : quoted(name);
  return `{"altId":${known}${called === undefined ? '' : `,"name":${called}`},"requestor":true${rolesText(roles)},\
"type":${recipient},"who":{${called === undefined ? '' : `"display":${called},`}"identifier":{"value":${known}}\
${fhirUser === undefined ? '' : `,"reference":${quoted(fhirUser)}`}}}`;
}

function rolesText(names: readonly string[]): string {
  if (names.length === 0) return '';
  return `,"role":[${names.map((name) => `{"coding":[{"code":${quoted(name)}}]}`).join()}]`;
}

function entitiesText({ touched, patients, query, requestId, further }: AuditRecord): string {
  let text = '';
  for (const one of touched) text += touchedText(one);
  for (const id of patients) {
    text += `{"role":${patientRole},"type":${person},"what":{"reference":${quoted(`Patient/${id}`)}}},`;
  }
  if (query !== undefined) {
    const encoded = Buffer.from(query, 'utf8').toString('base64');
    text += `{"query":"${encoded}","role":${queryRole},"type":${systemObject}},`;
  }
  text += `{"type":${requestEntity},"what":{"identifier":{"value":${quoted(requestId)}}}}`;
  return further === undefined || further.length === 0 ? text : `${text},${further.map(canonicalJson).join()}`;
}

function touchedText({ type, id, version }: Touched): string {
  const reference = quoted(version === undefined ? `${type}/${id}` : `${type}/${id}/_history/${version}`);
  return `{"role":${domainResource},"type":${systemObject},"what":{"reference":${reference}}},`;
}
