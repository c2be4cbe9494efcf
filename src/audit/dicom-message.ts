/**
 * An AuditEvent of this server as an audit message in XML: DICOM PS3.15 A.5.1, which IHE ITI-20 sends by syslog
 * (ITI TF-2: 3.20.7). Pure.
 *
 * Elements stand in the order of the schema. What XML cannot hold becomes U+FFFD. The schema has no place for the purpose
 * of use: it is a detail of the request.
 */
import type { JsonObject } from '../fhir/json.ts';
import { escapeAttribute, escapeText } from '../fhir/xml-escape.ts';
import { dicom } from './kinds.ts';

interface Coding {
  readonly system?: string;
  readonly code?: string;
  readonly display?: string;
}

interface Concept {
  readonly coding?: readonly Coding[];
}

interface Reference {
  readonly reference?: string;
  readonly identifier?: { readonly value?: string };
  readonly display?: string;
}

interface Agent {
  readonly type?: Concept;
  readonly role?: readonly Concept[];
  readonly who?: Reference;
  readonly altId?: string;
  readonly name?: string;
  readonly requestor?: boolean;
  readonly network?: { readonly address?: string; readonly type?: string };
}

interface Entity {
  readonly what?: Reference;
  readonly type?: Coding;
  readonly role?: Coding;
  readonly name?: string;
  readonly query?: string;
  readonly detail?: readonly { readonly type?: string; readonly valueString?: string }[];
}

interface Event {
  readonly type: Coding;
  readonly subtype?: readonly Coding[];
  readonly action?: string;
  readonly recorded: string;
  readonly outcome?: string;
  readonly outcomeDesc?: string;
  readonly purposeOfEvent?: readonly Concept[];
  readonly agent: readonly Agent[];
  readonly source: { readonly observer: Reference; readonly type?: readonly Coding[] };
  readonly entity?: readonly Entity[];
}

/** @param resource an AuditEvent */
export function dicomMessage(resource: JsonObject): string {
  const event = resource as unknown as Event;
  const purposes = (event.purposeOfEvent ?? []).flatMap(({ coding = [] }) => coding.map(({ code = '' }) => code));
  return [
    '<?xml version="1.0" encoding="UTF-8"?><AuditMessage>',
    identification(event),
    ...event.agent.map(participant),
    source(event.source),
    ...(event.entity ?? []).map((entity) => participantObject(entity, isRequest(entity) ? purposes : [])),
    '</AuditMessage>',
  ].join('');
}

type Attributes = Readonly<Record<string, string | undefined>>;

function element(name: string, attributes: Attributes, content: readonly string[] = []): string {
  const given = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escapeAttribute(possible(value))}"`],
  );
  const inside = content.join('');
  return inside === '' ? `<${name}${given.join('')}/>` : `<${name}${given.join('')}>${inside}</${name}>`;
}

function possible(text: string): string {
  return text.toWellFormed().replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
}

const systems: Readonly<Record<string, string>> = {
  [dicom]: 'DCM',
};

function coded(name: string, { system = '', code = '', display }: Coding): string {
  const codeSystemName = systems[system] ?? (system === '' ? 'local' : system);
  return element(name, { 'csd-code': code, codeSystemName, originalText: display ?? code });
}

function identification({ type, subtype = [], action, recorded, outcome = '0', outcomeDesc }: Event): string {
  return element(
    'EventIdentification',
    { EventActionCode: action, EventDateTime: recorded, EventOutcomeIndicator: outcome },
    [
      coded('EventID', type),
      ...subtype.map((one) => coded('EventTypeCode', one)),
      ...(outcomeDesc === undefined
        ? []
        : [`<EventOutcomeDescription>${escapeText(possible(outcomeDesc))}</EventOutcomeDescription>`]),
    ],
  );
}

function nameOf({ reference, identifier, display }: Reference = {}): string | undefined {
  return identifier?.value ?? reference ?? display;
}

function participant({ type, role = [], who, altId, name, requestor, network }: Agent): string {
  const roles = [type ?? {}, ...role].flatMap(({ coding = [] }) => coding);
  return element(
    'ActiveParticipant',
    {
      UserID: nameOf(who) ?? altId ?? 'unknown',
      AlternativeUserID: altId,
      UserName: name,
      UserIsRequestor: String(requestor === true),
      NetworkAccessPointID: network?.address,
      NetworkAccessPointTypeCode: network?.type,
    },
    roles.map((one) => coded('RoleIDCode', one)),
  );
}

function source({ observer, type = [] }: Event['source']): string {
  return element(
    'AuditSourceIdentification',
    { AuditSourceID: nameOf(observer) ?? 'unknown' },
    type.map(({ code }) => element('AuditSourceTypeCode', { 'csd-code': code })),
  );
}

function isRequest({ type }: Entity): boolean {
  return type?.code === 'XrequestId';
}

const entityTypes = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const entityRoles = 'http://terminology.hl7.org/CodeSystem/object-role';

function participantObject(entity: Entity, purposes: readonly string[]): string {
  const { what, type, role, name, query, detail = [] } = entity;
  const id = nameOf(what) ?? (query === undefined ? 'unknown' : 'query');
  const details = [
    ...detail.map((one) => [one.type ?? '', one.valueString ?? ''] as const),
    ...purposes.map((code) => ['purposeOfEvent', code] as const),
  ];
  return element(
    'ParticipantObjectIdentification',
    {
      ParticipantObjectID: what?.reference ?? id,
      ParticipantObjectTypeCode: type?.system === entityTypes ? type.code : '4',
      ParticipantObjectTypeCodeRole: role?.system === entityRoles ? role.code : undefined,
    },
    [
      coded('ParticipantObjectIDTypeCode', identifierType(entity)),
      query === undefined
        ? `<ParticipantObjectName>${escapeText(possible(name ?? what?.display ?? id))}</ParticipantObjectName>`
        : `<ParticipantObjectQuery>${escapeText(query)}</ParticipantObjectQuery>`,
      ...details.map(([key, value]) =>
        element('ParticipantObjectDetail', { type: key, value: Buffer.from(value, 'utf8').toString('base64') }),
      ),
    ],
  );
}

/** The kinds of identifiers of RFC 3881, 5.5.4. */
function identifierType({ what, type, role, query }: Entity): Coding {
  const rfc3881 = (code: string, display: string): Coding => ({ system: 'RFC-3881', code, display });
  if (query !== undefined) return rfc3881('10', 'Search Criteria');
  if (role?.system === entityRoles && role.code === '1') return rfc3881('2', 'Patient Number');
  if (what?.reference !== undefined) return rfc3881('12', 'URI');
  return type?.system === entityTypes && type.code === '1' ? rfc3881('11', 'User Identifier') : (type ?? {});
}
