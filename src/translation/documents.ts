/**
 * MDM: documents about a patient. HL7 v2.5.1 §9.5; v2-to-FHIR segment map TXA[DocumentReference].
 *
 *   TXA-17 (table 0271)  AU, LA final; all else preliminary
 *   TXA-19 (table 0273)  OB superseded, CA entered in error; all else current. T11 takes the document back.
 *   TXA-13               T05 and T06 append to that document; T09 and T10 replace it, and it is marked as superseded
 *
 * Lines of text (TX, FT, ST) are one attachment; each ED and RP is one of its own. A notification without content (T01) is
 * kept by what it says of the document.
 */
import type { JsonObject } from '../fhir/json.ts';
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type FieldReader, type Message } from '../hl7v2/message.ts';
import { allOf, byIdentifier, concept, entityIdentifier, object, practitioner, present } from './datatypes.ts';
import { patient } from './patient.ts';
import { presentedForm } from './report.ts';
import { isDocument } from './results.ts';
import { instant } from './times.ts';
import type { Target } from './translation.ts';
import { visit } from './visit.ts';

const place = { segment: 'TXA', sequence: 1 };
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v2-0272';

export function documents(message: Message, target: Target): void {
  const { facility, application, event } = readHeader(message);
  const authority = facility || application;
  const segments = readSegments(message);
  const [pid, pv1, txa] = ['PID', 'PV1', 'TXA'].map((wanted) => segments.find(({ name }) => name === wanted));
  if (pid === undefined || txa === undefined) {
    const segment = pid === undefined ? 'PID' : 'TXA';
    const sentence = `A message of a document must have a ${segment}.`;
    target.problem({ code: '100', sentence, place: { segment, sequence: 1 } });
    return;
  }
  const number = entityIdentifier(target.settings, txa.first(12), { authority });
  if (number === undefined) {
    const sentence = 'TXA-12 must have the number of the document.';
    target.problem({ code: '101', sentence, place: { ...place, field: 12 } });
    return;
  }
  const subject = patient(target, pid, authority);
  if (subject === undefined) return;
  const encounter = pv1 && visit(target, pv1, { subject, event, authority, pid });
  const parent = entityIdentifier(target.settings, txa.first(13), { authority });
  const relation = relations[event];
  const resource = object({
    resourceType: 'DocumentReference',
    masterIdentifier: number,
    // Again: by this one documents are found.
    identifier: [number],
    status: statusOf(txa, event),
    docStatus: /^(AU|LA)$/.test(txa.text(17)) ? 'final' : 'preliminary',
    type: concept(target, txa.first(2), { ...place, field: 2 }),
    subject,
    date: instant(txa.text(6) || txa.text(4), target.settings.zone),
    author: allOf(txa, 9, (xcn) => practitioner(target, xcn, authority)),
    authenticator: allOf(txa, txa.text(22) === '' ? 10 : 22, (xcn) => practitioner(target, xcn, authority))[0],
    relatesTo:
      parent === undefined || relation === undefined ? undefined : [{ code: relation, target: { identifier: parent } }],
    description: txa
      .repetitions(25)
      .map((one) => one.text())
      .join(' '),
    securityLabel: /^[VRU]$/.test(txa.text(18))
      ? [{ coding: [{ system: confidentiality, code: txa.text(18) }] }]
      : undefined,
    content: contents(target, segments, txa).map((attachment) => ({ attachment })),
    context: encounter === undefined ? undefined : { encounter: [encounter] },
  });
  target.add(resource, byIdentifier(number));
  if (relation === 'replaces' && parent !== undefined) {
    target.add({ resourceType: 'DocumentReference', status: 'superseded' }, byIdentifier(parent), 'change');
  }
}

const relations: Readonly<Record<string, string>> = {
  T05: 'appends',
  T06: 'appends',
  T09: 'replaces',
  T10: 'replaces',
};

function statusOf(txa: FieldReader, event: string): string {
  if (event === 'T11' || txa.text(19) === 'CA') return 'entered-in-error';
  return txa.text(19) === 'OB' ? 'superseded' : 'current';
}

function contents(target: Target, segments: readonly FieldReader[], txa: FieldReader): JsonObject[] {
  const { zone } = target.settings;
  const observed = segments.filter(({ name }) => name === 'OBX');
  const texts = observed.filter((obx) => !isDocument(obx));
  const lines = texts.flatMap((obx) => obx.repetitions(5).map((one) => one.text()));
  const title = txa.text(25) || txa.text(16) || texts[0]?.text(3, 2) || txa.text(2, 2) || txa.text(12);
  const text = lines.length === 0 ? [] : [textAttachment(lines.join('\n'), title)];
  const files = present(observed.map((obx) => (isDocument(obx) ? presentedForm(obx, zone) : undefined)));
  return text.length + files.length > 0 ? [...text, ...files] : [{ title }];
}

function textAttachment(text: string, title: string): JsonObject {
  return { contentType: 'text/plain; charset=utf-8', data: Buffer.from(text).toString('base64'), title };
}
