/** From where a search of the audit log starts: an index for each alternative, whether it is asked for or granted. */
import { expect, test } from '@jest/globals';
import { all, and, type Condition } from '../../src/search/ast.ts';
import { auditBranches } from '../../src/search/compile-audit.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { render } from '../../src/store/sql.ts';

const known = { tenant: 7, agents: new Map(), patients: new Map(), origin: 'own' as const };

function parsed(...query: [string, string][]): Condition {
  return parseSearch('AuditEvent', query, { parameters: defaultParameters }).condition;
}

/** The table that leads, and what is asked of it first. */
function starts(condition: Condition, access: Condition): string[] {
  return auditBranches(condition, access, known).map(({ from, where, ordered }) => {
    const [text, first] = [render(from).text, render(where).text];
    const table = text.includes('audit_patient') ? 'audit_patient' : 'audit_event';
    const column = /e\.(patient|entity_id) =/.exec(first.replace(/exists \(.*?\)/g, ''))?.[0] ?? '';
    return `${table} ${render(ordered).text} ${table === 'audit_event' ? column : ''}`.trim();
  });
}

const patient = ['audit_event e e.patient =', 'audit_patient p'];

test.each<[string, Condition, Condition, string[]]>([
  ['nothing asked', all, all, ['audit_event e']],
  ['a patient', parsed(['patient', 'p1']), all, patient],
  ['a patient in a period', parsed(['patient', 'p1'], ['date', 'ge2026-01-01']), all, patient],
  ['a patient, by what is granted', all, parsed(['patient', 'p1']), patient],
  ['a period, by what is granted', parsed(['date', 'ge2026-01-01']), parsed(['patient', 'p1']), patient],
  ['granted among other conditions', all, and([parsed(['patient', 'p1']), parsed(['action', 'R'])]), patient],
  ['two patients', parsed(['patient', 'p1,p2']), all, [...patient, ...patient]],
  ['what is granted cannot be asked', all, parsed(['type:text', 'x']), ['audit_event e']],
])('%s', (_, condition, access, expected) => {
  expect(starts(condition, access)).toEqual(expected);
});

test('the period bounds the patients of an event, too', () => {
  const [, led] = auditBranches(parsed(['patient', 'p1'], ['date', 'ge2026-01-01']), all, known);
  expect(render((led as NonNullable<typeof led>).where).text).toMatch(/p\.time >=/);
});
