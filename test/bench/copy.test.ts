/** Rows of the bulk load are those that COPY reads back as they were, and those that writing would have made. */
import { describe, expect, test } from '@jest/globals';
import { addRows, bulkColumns, ridsEach, type BulkRows } from '../../bench/bulk-rows.ts';
import { copyRow } from '../../bench/copy.ts';
import { patientResources } from '../../bench/generate.ts';
import { extract } from '../../src/search/extract.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import { indexTables } from '../../src/search/rows.ts';

test.each([
  ['null and undefined', [null, undefined], '\\N\t\\N'],
  ['the empty text is not null', ['', 'x'], '\tx'],
  ['numbers of any size', [1, 1.5, 9_007_199_254_740_993n], '1\t1.5\t9007199254740993'],
  ['what separates', ['a\tb', 'c\nd', 'e\rf'], 'a\\tb\tc\\nd\te\\rf'],
  ['a text that looks like null', ['\\N'], '\\\\N'],
  ['JSON with escapes', ['{"a":"\\n"}'], '{"a":"\\\\n"}'],
])('%s', (_, values, expected) => {
  expect(copyRow(values)).toBe(expected);
});

describe('the rows of a patient', () => {
  const resources = patientResources(0);
  const rows: BulkRows = {};
  resources.forEach((resource, i) =>
    addRows(rows, resource, { tenant: 7, rid: i + 1, at: '2026-01-31T10:20:30.123Z' }, defaultParameters),
  );

  test('are one row and one version each, and the index rows that extract makes', () => {
    expect(rows['resource']).toHaveLength(resources.length);
    expect(rows['resource_version']).toHaveLength(resources.length);
    for (const { name } of indexTables) {
      const made = resources.flatMap((resource) => extract(resource, defaultParameters).tables[name] ?? []);
      expect(rows[name] ?? []).toHaveLength(made.length);
    }
  });

  test('have as many values as their table has columns', () => {
    for (const [table, made] of Object.entries(rows)) {
      const counts = new Set(made.map((row) => row.split('\t').length));
      expect([...counts]).toEqual([bulkColumns[table]?.length]);
    }
  });

  test('carry version and time in meta, and the digits of the analyzer', () => {
    const contents = (rows['resource_version'] ?? []).map((row) => row.split('\t')[6] as string);
    contents.forEach((content) =>
      expect(JSON.parse(content)).toMatchObject({ meta: { versionId: '1', lastUpdated: '2026-01-31T10:20:30.123Z' } }),
    );
    expect(contents.some((content) => /"value":\d+\.\d*0[,}]/.test(content))).toBe(true);
  });
});

test('no patient has more resources than numbers are set aside for', () => {
  const most = Math.max(...Array.from({ length: 300 }, (_, n) => patientResources(n).length));
  expect(most).toBeLessThanOrEqual(ridsEach);
});
