/** What README and docs/ list is what the code has: operations, settings, commands, and where links lead. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { settingNames } from '../src/command/setting.ts';
import { operations } from '../src/operations/catalog.ts';
import { methods, needs, places } from './docs-tables.ts';

const root = new URL('../', import.meta.url).pathname;
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];

function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** The cells of the rows whose first cell is code. */
function rowsOf(page: string): string[][] {
  return [...textOf(page).matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) =>
    row.split(/ +\| +/).map((cell) => cell.trim()),
  );
}

/** The fragments that lead to headings of a page, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  const headings = [...textOf(page).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function leads(page: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : join(dirname(page), file);
  return existsSync(join(root, target)) && (anchor === undefined || anchorsOf(target).includes(anchor));
}

test('docs/operations.md lists every operation, where, how and by whom it may be called', () => {
  const expected = Object.entries(operations).map(([name, operation]) =>
    [`\`${name}\``, places(name, operation), methods(operation), needs(name)].join(' '),
  );
  const listed = rowsOf('docs/operations.md').map((row) => row.slice(0, 4).join(' '));
  expect(listed.toSorted()).toEqual(expected.toSorted());
});

test('docs/settings.md lists every setting of a laboratory', () => {
  const listed = rowsOf('docs/settings.md').flatMap(([names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );
  expect(listed.toSorted()).toEqual(settingNames.toSorted());
});

test('README names every page of docs/', () => {
  const readme = textOf('README.md');
  expect(pages.slice(1).filter((page) => !readme.includes(`(${page})`))).toEqual([]);
});

test.each(pages)('links of %s lead somewhere', (page) => {
  const links = [...textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link);
  expect(links.filter((link) => !leads(page, link))).toEqual([]);
});
