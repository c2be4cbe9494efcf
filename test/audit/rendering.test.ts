/** The rendering that seals are over: what was sealed once must come out the same for ever. */
import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { canonicalJson } from '../../src/audit/canonical.ts';
import { auditEventText } from '../../src/audit/event.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { kinds, type KindName } from '../../src/audit/kinds.ts';
import type { AuditRecord } from '../../src/audit/record.ts';

const nobody = { subject: '', client: '', roles: [] };
const person = {
  subject: 'layla',
  client: 'chart',
  roles: ['technician', 'auditor'],
  fhirUser: 'Practitioner/7',
  name: 'ليلى "القاسم"',
};
const machine = { subject: 'feed', client: 'feed', roles: ['interface'] };

const plain: AuditRecord = {
  id: '0197a7e0-0000-7000-8000-000000000001',
  time: Date.UTC(2026, 0, 31, 8, 15, 0, 7),
  kind: 'read',
  outcome: 0,
  agent: person,
  address: '192.0.2.7',
  purposes: [],
  requestId: 'r-1',
  touched: [{ type: 'Observation', id: 'k-1', version: 3 }],
  patients: ['7'],
};

const variants: readonly Partial<AuditRecord>[] = [
  {},
  { agent: nobody, address: '', touched: [], patients: [] },
  { agent: machine, purposes: ['TREAT', 'ETREAT'], query: 'Observation?code=é|"x"' },
  { outcome: 8, reason: '403 forbidden: "no" \n\u0001', deed: '$everything' },
  { deed: 'user add', touched: [{ type: 'Patient', id: '7' }], patients: ['7', '8'] },
  {
    deed: 'read',
    further: [
      {
        what: { identifier: { value: 'z', system: 'a' } },
        role: { system: 's', code: 'c' },
        detail: [{ valueString: 'v', type: 't' }],
      },
    ],
  },
];

const records = (Object.keys(kinds) as KindName[]).flatMap((kind) =>
  variants.map((variant): AuditRecord => ({ ...plain, kind, ...variant })),
);

test.each(Object.keys(kinds) as KindName[])('%s: the text is canonical (RFC 8785)', (kind) => {
  for (const record of records.filter((one) => one.kind === kind)) {
    const text = auditEventText(record, { observer: 'démo "1"' });
    expect(canonicalJson(JSON.parse(text) as JsonObject)).toBe(text);
  }
});

test('format 1 is what it was when the first events were sealed', () => {
  const first = records.filter(({ kind }) => kinds[kind].number <= 63);
  const all = createHash('sha256');
  for (const record of first) all.update(auditEventText(record, { observer: 'demo' })).update('\n');
  expect(first).toHaveLength(35 * variants.length);
  expect(all.digest('hex')).toBe('9be433a7d4d3ae61233a3b65ab22104954a76098220fa2f8503057930863689b');
});
