/** Events as audit messages of DICOM and as syslog messages: the bytes that a receiver gets. */
import { expect, test } from '@jest/globals';
import { SaxesParser } from 'saxes';
import { dicomMessage } from '../../src/audit/dicom-message.ts';
import { auditEventText } from '../../src/audit/event.ts';
import { kinds, type KindName } from '../../src/audit/kinds.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { syslogFrame } from '../../src/audit/syslog.ts';

const record: AuditRecord = {
  id: '0197a7e0-0000-7000-8000-000000000001',
  time: Date.UTC(2026, 0, 31, 8, 15, 0, 7),
  kind: 'search-type',
  outcome: 0,
  agent: {
    subject: 'layla',
    client: 'chart',
    roles: ['technician'],
    fhirUser: 'Practitioner/7',
    name: `ليلى "القاسم" <b>&'`,
  },
  address: '192.0.2.7',
  purposes: ['TREAT'],
  requestId: 'r-1',
  query: 'Observation?code=é|"x"',
  touched: [{ type: 'Observation', id: 'k-1', version: 3 }],
  patients: ['7'],
};

function messageOf(changed: Partial<AuditRecord> = {}): string {
  return dicomMessage(JSON.parse(auditEventText({ ...record, ...changed }, { observer: 'demo' })) as JsonObject);
}

interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
  text: string;
}

/** @throws Error where it is not well-formed */
function parse(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element: Element = { name, attributes: attributes as Record<string, string>, children: [], text: '' };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('text', (text) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  });
  parser.on('closetag', () => open.pop());
  parser.write(xml).close();
  return root.children[0] ?? root;
}

test('a search: who, from where, what, about whom, and the query', () => {
  const message = parse(messageOf());
  expect(message.name).toBe('AuditMessage');
  const [event, application, server, person, source, ...objects] = message.children;
  expect(event).toMatchObject({
    name: 'EventIdentification',
    attributes: { EventActionCode: 'E', EventDateTime: '2026-01-31T08:15:00.007Z', EventOutcomeIndicator: '0' },
    children: [
      { name: 'EventID', attributes: { 'csd-code': 'rest', originalText: 'RESTful Operation' } },
      { name: 'EventTypeCode', attributes: { 'csd-code': 'search-type' } },
    ],
  });
  expect([application, server].map((one) => one?.attributes['UserIsRequestor'])).toEqual(['false', 'false']);
  expect(application?.attributes).toMatchObject({
    UserID: 'chart',
    NetworkAccessPointID: '192.0.2.7',
    NetworkAccessPointTypeCode: '2',
  });
  expect(person).toMatchObject({
    name: 'ActiveParticipant',
    attributes: { UserID: 'layla', UserName: `ليلى "القاسم" <b>&'`, UserIsRequestor: 'true' },
    children: [{ attributes: { 'csd-code': 'IRCP' } }, { attributes: { 'csd-code': 'technician' } }],
  });
  expect(source).toMatchObject({
    name: 'AuditSourceIdentification',
    attributes: { AuditSourceID: 'demo' },
    children: [{ name: 'AuditSourceTypeCode', attributes: { 'csd-code': '4' } }],
  });
  expect(objects.map(({ attributes }) => attributes)).toMatchObject([
    {
      ParticipantObjectID: 'Observation/k-1/_history/3',
      ParticipantObjectTypeCode: '2',
      ParticipantObjectTypeCodeRole: '4',
    },
    { ParticipantObjectID: 'Patient/7', ParticipantObjectTypeCode: '1', ParticipantObjectTypeCodeRole: '1' },
    { ParticipantObjectTypeCode: '2', ParticipantObjectTypeCodeRole: '24' },
    { ParticipantObjectID: 'r-1', ParticipantObjectTypeCode: '4' },
  ]);
  const [, patient, query, request] = objects;
  expect(patient?.children[0]?.attributes).toEqual({
    'csd-code': '2',
    codeSystemName: 'RFC-3881',
    originalText: 'Patient Number',
  });
  const [, sent] = query?.children ?? [];
  expect(Buffer.from(sent?.text ?? '', 'base64').toString()).toBe('Observation?code=é|"x"');
  const [, , purpose] = request?.children ?? [];
  expect([purpose?.attributes['type'], Buffer.from(purpose?.attributes['value'] ?? '', 'base64').toString()]).toEqual([
    'purposeOfEvent',
    'TREAT',
  ]);
});

test('each object has a name or a query and the parts in the order of the schema', () => {
  for (const kind of Object.keys(kinds) as KindName[]) {
    const { children } = parse(messageOf({ kind, reason: '403 forbidden: <no>', outcome: 8, deed: '$everything' }));
    expect(children.map(({ name }) => name).join(' ')).toMatch(
      /^EventIdentification( ActiveParticipant){2,} AuditSourceIdentification( ParticipantObjectIdentification)*$/,
    );
    expect(children[0]?.children.map(({ name }) => name).join(' ')).toMatch(
      /^EventID( EventTypeCode)+ EventOutcomeDescription$/,
    );
    for (const object of children.filter(({ name }) => name === 'ParticipantObjectIdentification')) {
      expect(object.children.map(({ name }) => name).join(' ')).toMatch(
        /^ParticipantObjectIDTypeCode (ParticipantObjectName|ParticipantObjectQuery)( ParticipantObjectDetail)*$/,
      );
      for (const coded of object.children.slice(0, 1)) {
        expect(Object.keys(coded.attributes)).toEqual(['csd-code', 'codeSystemName', 'originalText']);
      }
    }
  }
});

test('what XML cannot hold is replaced, and markup stays text', () => {
  const xml = messageOf({
    reason: 'a\u0001b\u000bc]]></EventOutcomeDescription><x/>',
    outcome: 4,
    requestId: '"><y a="\n',
  });
  const { children } = parse(xml);
  expect(children[0]?.children.at(-1)?.text).toBe('a\ufffdb\ufffdc]]></EventOutcomeDescription><x/>');
  expect(children.at(-1)?.attributes['ParticipantObjectID']).toBe('"><y a="\n');
});

test.each<[string, boolean, string, string]>([
  ['lab.example.org', false, '<85>1', 'lab.example.org'],
  ['lab example\nجهاز', true, '<84>1', 'labexample'],
  ['', false, '<85>1', '-'],
])('a frame from %j', (hostname, failed, head, shown) => {
  const frame = syslogFrame({ hostname, process: 42, time: '2026-01-31T08:15:00.007Z', failed }, '<x>é</x>');
  const text = `${head} 2026-01-31T08:15:00.007Z ${shown} makhbar 42 IHE+RFC-3881 - <x>é</x>`;
  expect(frame.toString('utf8')).toBe(`${Buffer.byteLength(text)} ${text}`);
});
