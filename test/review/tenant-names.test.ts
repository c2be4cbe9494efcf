/** Names that no laboratory can have are not asked of the database, and not kept in memory. */
import { expect, test } from '@jest/globals';
import { testServer } from '../server.ts';

test.each(['Demo', '-', '%00', 'a'.repeat(64), 'a'.repeat(60_000), 'd%c3%a9mo', '..%2fdemo', '__proto__', 'demo%20'])(
  '%.20s is no laboratory',
  async (name) => {
    const response = await fetch(`${testServer().url}/${name}/fhir/metadata`);
    expect(response.status).toBe(404);
    const text = await response.text();
    expect(text).toContain('There is no laboratory');
    expect(text.length).toBeLessThan(500);
  },
);
