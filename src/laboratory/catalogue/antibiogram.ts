/** The Library of organisms, drugs, breakpoints and intrinsic resistance, and the CodeSystem of comments. */
import { Buffer } from 'node:buffer';
import type { JsonObject } from '../../fhir/json.ts';
import { antibiogramTables, antibiogramTopic, shippedUrl } from '../microbiology/antibiogram.ts';
import { commentsUrl } from '../result/comments.ts';
import { cell, type Row } from './table.ts';
import type { Tables } from './tables.ts';
import { versionId, versionOf } from './version.ts';

export function antibiogram(tables: Tables): JsonObject {
  const content: JsonObject = {
    url: shippedUrl,
    name: 'Antibiogram',
    title: 'Organisms, drugs and breakpoints to begin with: verify them locally against the standard in force',
    status: 'active',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/library-type', code: 'asset-collection' }] },
    topic: [{ coding: [antibiogramTopic] }],
    content: antibiogramTables.map((title) => ({ contentType: 'text/csv', title, data: csv(tables[title]) })),
  };
  const version = versionOf(content);
  return { resourceType: 'Library', id: versionId('antibiogram', version), version, ...content };
}

function csv(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => columns.map((column) => cell(row, column)).join(';'));
  return Buffer.from([columns.join(';'), ...lines].join('\n')).toString('base64');
}

export function resultComments(rows: readonly Row[]): JsonObject {
  const content: JsonObject = {
    url: commentsUrl,
    name: 'ResultComments',
    title: 'Comments on results',
    status: 'active',
    content: 'complete',
    language: 'en',
    concept: rows.map((row) => ({
      code: cell(row, 'code'),
      display: cell(row, 'en'),
      designation: (['fr', 'ar'] as const).map((language) => ({ language, value: cell(row, language) })),
    })),
  };
  const version = versionOf(content);
  return { resourceType: 'CodeSystem', id: versionId('result-comments', version), version, ...content };
}
