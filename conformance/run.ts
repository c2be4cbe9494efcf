/**
 * The conformance suite: `npm run conformance -- --base URL [--token T] [--only section]… [--strict] [--json]`.
 *
 * Judges any FHIR R4 server from outside, one case per normative statement of https://hl7.org/fhir/R4/http.html. Exits
 * with 1 when a SHALL case fails (with --strict also a SHOULD case), with 2 when it cannot be run at all.
 */
import { parseArgs } from 'node:util';
import { connect } from './client.ts';
import { judge } from './judge.ts';
import { failuresOf, tableOf } from './report.ts';
import { sections } from './sections.ts';

const usage = 'Usage: npm run conformance -- --base URL [--token T] [--only SECTION]… [--strict] [--json]';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      base: { type: 'string' },
      token: { type: 'string' },
      only: { type: 'string', multiple: true },
      strict: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const chosen = sections.filter((section) => values.only === undefined || values.only.includes(section.name));
  if (values.base === undefined || chosen.length === 0) {
    console.error(`${usage}\nSections: ${sections.map((section) => section.name).join(', ')}`);
    return 2;
  }
  const judgement = await judge(connect(values.base, values.token), chosen);
  console.log(values.json ? JSON.stringify(judgement, undefined, 2) : tableOf(judgement));
  return failuresOf(judgement, values.strict).length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`The suite could not run: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
