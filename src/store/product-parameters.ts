/**
 * The search parameters that the product adds to those of R4, for every tenant: searchparameters/*.json, one
 * SearchParameter resource a file, read once when the process starts. A test holds them to the rules for a tenant's own.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import type { JsonObject } from '../fhir/json.ts';
import { definitionOf, type OwnParameter } from './own-parameter.ts';

const folder = new URL('../../searchparameters/', import.meta.url);

/** Counted up where a change of the indexer makes stored rows of these parameters wrong. */
const indexer = 1;

function read(file: string): OwnParameter {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const definition = definitionOf(JSON.parse(text) as JsonObject);
  const digest = createHash('sha256')
    .update(JSON.stringify([indexer, definition]))
    .digest('hex')
    .slice(0, 16);
  return { source: `product:${definition.name}:${digest}`, id: '', definition };
}

export const productParameters: readonly OwnParameter[] = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map(read);
