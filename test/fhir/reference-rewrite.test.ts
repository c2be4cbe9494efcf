import { describe, expect, test } from '@jest/globals';
import { cloneJson, parseJson, serializeJson, type JsonObject } from '../../src/fhir/json.ts';
import { rewriteReferences, type ReferenceTargets } from '../../src/fhir/reference-rewrite.ts';
import { processorTime } from '../processor-time.ts';

const uuid = 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a';
const targets: ReferenceTargets = new Map([
  [uuid, { reference: 'Patient/p1', version: '4' }],
  ['urn:oid:1.2.3', { reference: 'Binary/b1', version: '1' }],
  ['http://source.example/fhir/Patient/9', { reference: 'Patient/p9' }],
  ['Patient?identifier=x|1', { reference: 'Patient/p2' }],
  ['Device/temporary', { reference: 'Device/d1' }],
]);

const div = (content: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`;
const narrative = (content: string) => ({ resourceType: 'Basic', text: { status: 'generated', div: div(content) } });

type Case = [name: string, before: JsonObject, after: JsonObject];

const rewritten: Case[] = [
  [
    'Reference.reference',
    { resourceType: 'Observation', subject: { reference: uuid, display: uuid } },
    { resourceType: 'Observation', subject: { reference: 'Patient/p1', display: uuid } },
  ],
  [
    'references in lists, extensions, primitives and contained resources',
    {
      resourceType: 'Observation',
      contained: [{ resourceType: 'Specimen', subject: { reference: uuid } }],
      performer: [{ reference: 'Device/other' }, { reference: 'Device/temporary' }],
      _issued: { extension: [{ url: 'http://x', valueReference: { reference: uuid } }] },
    },
    {
      resourceType: 'Observation',
      contained: [{ resourceType: 'Specimen', subject: { reference: 'Patient/p1' } }],
      performer: [{ reference: 'Device/other' }, { reference: 'Device/d1' }],
      _issued: { extension: [{ url: 'http://x', valueReference: { reference: 'Patient/p1' } }] },
    },
  ],
  [
    'url: Attachment.url',
    { resourceType: 'DocumentReference', content: [{ attachment: { url: 'urn:oid:1.2.3', title: 'urn:oid:1.2.3' } }] },
    { resourceType: 'DocumentReference', content: [{ attachment: { url: 'Binary/b1', title: 'urn:oid:1.2.3' } }] },
  ],
  [
    'uri, url, oid and uuid in values and lists',
    {
      resourceType: 'ServiceRequest',
      instantiatesUri: ['http://a', uuid],
      extension: [
        { url: 'http://x', valueUri: uuid },
        { url: 'http://x', valueUrl: uuid },
        { url: 'http://x', valueUuid: uuid },
        { url: 'http://x', valueOid: 'urn:oid:1.2.3' },
      ],
    },
    {
      resourceType: 'ServiceRequest',
      instantiatesUri: ['http://a', 'Patient/p1'],
      extension: [
        { url: 'http://x', valueUri: 'Patient/p1' },
        { url: 'http://x', valueUrl: 'Patient/p1' },
        { url: 'http://x', valueUuid: 'Patient/p1' },
        { url: 'http://x', valueOid: 'Binary/b1' },
      ],
    },
  ],
  [
    'a version-specific reference stays one, with the new version',
    { resourceType: 'Observation', subject: { reference: `${uuid}/_history/1` } },
    { resourceType: 'Observation', subject: { reference: 'Patient/p1/_history/4' } },
  ],
  [
    'a version-specific reference to a target of unknown version',
    { resourceType: 'Observation', subject: { reference: 'Device/temporary/_history/1' } },
    { resourceType: 'Observation', subject: { reference: 'Device/d1/_history/1' } },
  ],
  [
    'a fragment is kept',
    { resourceType: 'DocumentReference', content: [{ attachment: { url: `${uuid}#page=2` } }] },
    { resourceType: 'DocumentReference', content: [{ attachment: { url: 'Patient/p1#page=2' } }] },
  ],
  [
    'a conditional reference',
    { resourceType: 'Observation', subject: { reference: 'Patient?identifier=x|1' } },
    { resourceType: 'Observation', subject: { reference: 'Patient/p2' } },
  ],
  [
    'bundle.html#references: a relative reference as seen from the fullUrl',
    { resourceType: 'Observation', subject: { reference: 'Patient/9' } },
    { resourceType: 'Observation', subject: { reference: 'Patient/p9' } },
  ],
  [
    'links and images of narratives',
    narrative(`<a class="x" href="${uuid}">p</a><img alt='>' src='urn:oid:1.2.3'/><a href="Patient?identifier=x|1"/>`),
    narrative('<a class="x" href="Patient/p1">p</a><img alt=\'>\' src="Binary/b1"/><a href="Patient/p2"/>'),
  ],
];

const kept: [name: string, resource: JsonObject][] = [
  ['elements of type string', { resourceType: 'Patient', name: [{ family: uuid }], identifier: [{ value: uuid }] }],
  ['elements of type canonical', { resourceType: 'Questionnaire', derivedFrom: [uuid], meta: { profile: [uuid] } }],
  [
    'systems',
    { resourceType: 'Patient', identifier: [{ system: uuid }], gender: 'x', meta: { tag: [{ system: uuid }] } },
  ],
  ['Extension.url', { resourceType: 'Patient', extension: [{ url: uuid, valueBoolean: true }] }],
  ['the url of the resource itself', { resourceType: 'ValueSet', url: uuid, status: 'draft' }],
  ['ids', { resourceType: 'Patient', id: 'Device/temporary' }],
  ['conditional texts in uris', { resourceType: 'Procedure', instantiatesUri: ['Patient?identifier=x|1'] }],
  ['texts that only begin like one', { resourceType: 'Observation', subject: { reference: `${uuid}0` } }],
  ['links outside of attributes', narrative(`<p title="${uuid}">href="${uuid}"</p><abbr href="${uuid}"/>`)],
  ['a src of a link and a href of an image', narrative(`<a src="${uuid}"/><img href="${uuid}"/>`)],
];

describe('http.html#trules', () => {
  test.each(rewritten)('replaced: %s', (_name, before, after) => {
    const resource = cloneJson(before);
    expect(rewriteReferences(resource, targets, 'http://source.example/fhir/Observation/7')).toBe(true);
    expect(resource).toEqual(after);
  });

  test.each(kept)('left alone: %s', (_name, resource) => {
    const copy = cloneJson(resource);
    expect(rewriteReferences(copy, targets, uuid)).toBe(false);
    expect(copy).toEqual(resource);
  });

  test('a relative reference of an entry whose fullUrl is a urn means no other entry', () => {
    const resource: JsonObject = { resourceType: 'Observation', subject: { reference: 'Patient/9' } };
    expect(rewriteReferences(resource, targets, uuid)).toBe(false);
  });

  test('digits are kept', () => {
    const text = `{"resourceType":"Observation","subject":{"reference":"${uuid}"},"valueQuantity":{"value":1.00}}`;
    const resource = parseJson(text) as JsonObject;
    rewriteReferences(resource, targets);
    expect(serializeJson(resource)).toBe(text.replace(uuid, 'Patient/p1'));
  });

  test('a hostile narrative takes linear time', () => {
    const time = processorTime(() => {
      rewriteReferences(narrative('<a "'.repeat(500_000)), targets);
      rewriteReferences(narrative(`<a ${'x="" '.repeat(500_000)}`), targets);
    });
    expect(time).toBeLessThan(30_000);
  });
});
