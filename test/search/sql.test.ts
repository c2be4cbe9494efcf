/**
 * Searches and the SQL that they become, keyed by section of https://hl7.org/fhir/R4/search.html: the shape decides the
 * speed, so a change of it must be seen. The rows are tested in search.test.ts.
 */
import { expect, test } from '@jest/globals';
import { compileCandidates, compileCount, compileSearch } from '../../src/search/compile.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { render, type Sql } from '../../src/store/sql.ts';
import { queryOf } from './fixture.ts';

interface Golden {
  readonly section: string;
  /** The statement of a page, of the sets counted before it, or of the total. */
  readonly kind: 'page' | 'look' | 'candidates' | 'count';
  readonly url: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

const golden: readonly Golden[] = [
  {
    section: '3.1.1.4.12 token: streamed in the order of the page',
    kind: 'page',
    url: 'Observation?code=http://loinc.org|2345-7&_sort=-date',
    text: `
select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text, p.k0::text as k0, p.k1::text as k1
      from (select distinct on (d.date, d.rid) r.type, r.fhir_id, r.rid, r.patient, r.ver, d.date as k0, d.rid as k1
      from search_token d
      join resource r on r.tenant_id = $1 and r.rid = d.rid and d.key = $2::int8 and d.system = $3::int8
      where d.tenant_id = $4 and not r.deleted and r.type = $5::int2 and true
      order by d.date desc, d.rid desc
      limit $6) p
      join resource_version v on v.tenant_id = $7 and v.rid = p.rid and v.ver = p.ver
      order by p.k0 desc, p.k1 desc`,
    values: [7, '6409860536944747930', '-4546576224293134562', 7, 95, 21, 7],
  },
  {
    section: '3.1.1.4.12 token in the row of the resource',
    kind: 'page',
    url: 'Observation?status=preliminary&_sort=-date',
    text: `
select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text, p.k0::text as k0, p.k1::text as k1
      from (select r.type, r.fhir_id, r.rid, r.patient, r.ver, r.date_low as k0, r.rid as k1
      from resource r
      where r.tenant_id = $1 and not r.deleted and r.type = $2::int2 and r.status = $3::text
      order by r.date_low desc, r.rid desc
      limit $4) p
      join resource_version v on v.tenant_id = $5 and v.rid = p.rid and v.ver = p.ver
      order by p.k0 desc, p.k1 desc`,
    values: [7, 95, 'preliminary', 21, 7],
  },
  {
    section: '3.1.1.4.12 token, two alternatives: merged',
    kind: 'page',
    url: 'Observation?code=a,b',
    text: `
select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text, p.k0::text as k0, p.k1::text as k1
      from (select distinct on (q.k0, q.k1) q.*
      from ((select distinct on (d.date, d.rid) r.type, r.fhir_id, r.rid, r.patient, r.ver, d.date as k0, d.rid as k1
      from search_token d
      join resource r on r.tenant_id = $1 and r.rid = d.rid and d.key = $2::int8
      where d.tenant_id = $3 and not r.deleted and r.type = $4::int2 and true
      order by d.date desc, d.rid desc
      limit $5)
      union all (select distinct on (d.date, d.rid) r.type, r.fhir_id, r.rid, r.patient, r.ver, d.date as k0, d.rid as k1
      from search_token d
      join resource r on r.tenant_id = $6 and r.rid = d.rid and d.key = $7::int8
      where d.tenant_id = $8 and not r.deleted and r.type = $9::int2 and true
      order by d.date desc, d.rid desc
      limit $10)) q
      order by q.k0 desc, q.k1 desc
      limit $11) p
      join resource_version v on v.tenant_id = $12 and v.rid = p.rid and v.ver = p.ver
      order by p.k0 desc, p.k1 desc`,
    values: [7, '42867481698370826', 7, 95, 21, 7, '-8490688436115400507', 7, 95, 21, 21, 7],
  },
  {
    section: '3.1.1.4.13 reference by patient, other conditions checked on its rows',
    kind: 'page',
    url: 'Observation?patient=p1&code=a',
    text: `
select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text, p.k0::text as k0, p.k1::text as k1
      from (select r.type, r.fhir_id, r.rid, r.patient, r.ver, r.date_low as k0, r.rid as k1
      from resource r
      where r.tenant_id = $1 and not r.deleted and r.type = $2::int2 and r.patient = $3::text and exists (select
      from search_token i1
      where i1.tenant_id = $4 and i1.rid = r.rid and i1.date = r.date_low and i1.key = $5::int8 offset 0)
      order by r.date_low desc, r.rid desc
      limit $6) p
      join resource_version v on v.tenant_id = $7 and v.rid = p.rid and v.ver = p.ver
      order by p.k0 desc, p.k1 desc`,
    values: [7, 95, 'p1', 7, '42867481698370826', 21, 7],
  },
  {
    section: '3.1.1.4.10 string: counted as a set first',
    kind: 'candidates',
    url: 'Patient?name=smith',
    text: `
select q.part, q.rids from ((select $1::int4 as part, count(*) as size, coalesce(array_agg(c.rid), '{}')::text as rids
      from (select s.rid from (select i1.rid
      from search_string i1
      where i1.tenant_id = $2 and i1.param = $3::int4 and (i1.value >= $4 and i1.value < $5)) s
      limit $6) c
      having count(*) <= $7 and count(*) = count(c.rid))) q
      order by q.size limit 1`,
    values: [0, 7, 637933902, 'smith', 'smiti', 301, 300],
  },
  {
    section: '3.1.1.4.10 string: a bounded look at the newest rows',
    kind: 'look',
    url: 'Patient?name=smith',
    text: `
select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text, p.k0::text as k0, p.k1::text as k1
      from (select r.type, r.fhir_id, r.rid, r.patient, r.ver, r.date_low as k0, r.rid as k1
      from (select * from resource r
      where r.tenant_id = $1 and r.type = $2::int2 and not r.deleted
      order by r.date_low desc, r.rid desc
      limit $3) r
      where r.tenant_id = $4 and not r.deleted and r.type = $5::int2 and exists (select
      from search_string i1
      where i1.tenant_id = $6 and i1.rid = r.rid and i1.param = $7::int4 and (i1.value >= $8 and i1.value < $9) offset 0)
      order by r.date_low desc, r.rid desc
      limit $10) p
      join resource_version v on v.tenant_id = $11 and v.rid = p.rid and v.ver = p.ver
      order by p.k0 desc, p.k1 desc`,
    values: [7, 102, 600, 7, 102, 7, 637933902, 'smith', 'smiti', 21, 7],
  },
  {
    section: '3.1.1.4.8 date: a range of the index',
    kind: 'page',
    url: 'Observation?date=2024-02&_sort=-date',
    text: `
select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text, p.k0::text as k0, p.k1::text as k1
      from (select r.type, r.fhir_id, r.rid, r.patient, r.ver, r.date_low as k0, r.rid as k1
      from resource r
      where r.tenant_id = $1 and not r.deleted and r.type = $2::int2 and (r.date_low > $3::int8 and (r.date_low >= $4::int8 and r.date_low < $5::int8 and r.date_high <= $6::int8))
      order by r.date_low desc, r.rid desc
      limit $7) p
      join resource_version v on v.tenant_id = $8 and v.rid = p.rid and v.ver = p.ver
      order by p.k0 desc, p.k1 desc`,
    values: [7, 95, -9007199254740991, 1706745600000, 1709251200000, 1709251200000, 21, 7],
  },
  {
    section: '3.1.1.4.15 quantity: floats find, decimals decide',
    kind: 'candidates',
    url: 'Observation?value-quantity=gt5.4|http://unitsofmeasure.org|mmol/L',
    text: `
select q.part, q.rids from ((select $1::int4 as part, count(*) as size, coalesce(array_agg(c.rid), '{}')::text as rids
      from (select s.rid from (select i1.rid
      from search_quantity i1
      where i1.tenant_id = $2 and i1.param = any($3::int4[]) and (i1.unit = $4::int8 and (i1.high >= $5::float8 and (i1.high <> $6::float8 or coalesce(i1.exact_high, i1.high::numeric) > $7::numeric)))) s
      limit $8) c
      having count(*) <= $9 and count(*) = count(c.rid))) q
      order by q.size limit 1`,
    values: [
      0,
      7,
      [2138690417, -1438532947],
      '4352298531339525438',
      '3.251953818e+24',
      '3.251953818e+24',
      '3251953818e15',
      301,
      300,
    ],
  },
  {
    section: '3.1.1.5.1 chain: the target first',
    kind: 'candidates',
    url: 'Observation?specimen.identifier=A1',
    text: `
select q.part, q.rids from ((select $1::int4 as part, count(*) as size, coalesce(array_agg(c.rid), '{}')::text as rids
      from (select s.rid from (with c2 as materialized (select rid
      from (select i4.rid
      from search_token i4
      where i4.tenant_id = $2 and i4.key = $3::int8) s
      limit $4), m1 as materialized (select r3.rid, r3.type, r3.fhir_id, r3.patient
      from c2
      join resource r3 on r3.rid = c2.rid and r3.tenant_id = $5 and r3.type = $6::int2 and not r3.deleted and true and true
      limit $7) select f6.rid
      from m1
      join (search_reference f6
      join resource r7 on r7.tenant_id = $8 and r7.type = f6.type and r7.fhir_id = f6.id) on r7.tenant_id = $9 and r7.rid = m1.rid
      where f6.tenant_id = $10 and f6.param = $11::int4
      union all select null::int8
      where (select count(*)
      from m1) >= $12 or (select count(*)
      from c2) >= $13 or exists (select
      from c2
      where rid is null)) s
      limit $14) c
      having count(*) <= $15 and count(*) = count(c.rid))) q
      order by q.size limit 1`,
    values: [0, 7, '-7399067894634975346', 301, 7, 125, 301, 7, 7, 7, -46031035, 301, 301, 301, 300],
  },
  {
    section: '3.1.1.5.4 _has: what refers first',
    kind: 'candidates',
    url: 'Patient?_has:Observation:patient:code=a',
    text: `
select q.part, q.rids from ((select $1::int4 as part, count(*) as size, coalesce(array_agg(c.rid), '{}')::text as rids
      from (select s.rid from (with c2 as materialized (select rid
      from (select i4.rid
      from search_token i4
      where i4.tenant_id = $2 and i4.key = $3::int8) s
      limit $4), m1 as materialized (select r3.rid, r3.type, r3.fhir_id, r3.patient
      from c2
      join resource r3 on r3.rid = c2.rid and r3.tenant_id = $5 and r3.type = $6::int2 and not r3.deleted and true and true
      limit $7) select r5.rid
      from m1
      join resource r5 on r5.tenant_id = $8 and r5.type = $9::int2 and r5.fhir_id = m1.patient
      union all select null::int8
      where (select count(*)
      from m1) >= $10 or (select count(*)
      from c2) >= $11 or exists (select
      from c2
      where rid is null)) s
      limit $12) c
      having count(*) <= $13 and count(*) = count(c.rid))) q
      order by q.size limit 1`,
    values: [0, 7, '42867481698370826', 301, 7, 95, 301, 7, 102, 301, 301, 301, 300],
  },
  {
    section: '3.1.1.6.1 oldest first, those without a date last',
    kind: 'page',
    url: 'Observation?_sort=date',
    text: `
select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text, p.k0::text as k0, p.k1::text as k1
      from (select distinct on (q.k0, q.k1) q.*
      from ((select r.type, r.fhir_id, r.rid, r.patient, r.ver, nullif(r.date_low, $1::int8) as k0, r.rid as k1
      from resource r
      where r.tenant_id = $2 and r.date_low > $3::int8 and not r.deleted and r.type = $4::int2 and true
      order by r.date_low asc, r.rid asc
      limit $5)
      union all (select r.type, r.fhir_id, r.rid, r.patient, r.ver, nullif(r.date_low, $6::int8) as k0, r.rid as k1
      from resource r
      where r.tenant_id = $7 and r.date_low = $8::int8 and not r.deleted and r.type = $9::int2 and true
      order by r.date_low asc, r.rid asc
      limit $10)) q
      order by q.k0 asc nulls last, q.k1 asc
      limit $11) p
      join resource_version v on v.tenant_id = $12 and v.rid = p.rid and v.ver = p.ver
      order by p.k0 asc nulls last, p.k1 asc`,
    values: [-9007199254740991, 7, -9007199254740991, 95, 21, -9007199254740991, 7, -9007199254740991, 95, 21, 21, 7],
  },
  {
    section: '3.1.1.6.4 total: one token is counted in its index',
    kind: 'count',
    url: 'Observation?code=a',
    text: `
select count(*)::int8 as total
      from (select distinct d.date, d.rid
      from (select d.date, d.rid
      from search_token d
      where d.tenant_id = $1 and d.key = $2::int8) d) m`,
    values: [7, '42867481698370826'],
  },
];

const tenant = 7;

function compiled({ kind, url }: Golden): Sql | undefined {
  const [type = '', query = ''] = url.split(/\?(.*)/s);
  const search = parseSearch(type, queryOf(query));
  if (kind === 'candidates') return compileCandidates(search, tenant, 300);
  if (kind === 'count') return compileCount(search, tenant);
  return compileSearch(search, tenant, { limit: 21, ...(kind === 'look' && { tried: 600 }) });
}

const plain = (text: string): string => text.replace(/\s+/g, ' ').trim();

test.each(golden)('$section: $url', (one) => {
  const statement = compiled(one);
  const { text, values } = statement === undefined ? { text: '', values: [] } : render(statement);
  expect(plain(text)).toBe(plain(one.text));
  expect(values).toEqual(one.values);
});

test('no value of a query is ever part of the text', () => {
  const url = `Patient?name=x'x&identifier=x'x|x'x&_id=xx&birthdate=2020&general-practitioner=xx&_filter=name co "x'x"`;
  const [type = '', query = ''] = url.split(/\?(.*)/s);
  const search = parseSearch(type, queryOf(query));
  for (const statement of [compileSearch(search, tenant, { limit: 21 }), compileCount(search, tenant)]) {
    expect(render(statement).text).not.toMatch(/x'x|'xx'|2020/);
  }
});
