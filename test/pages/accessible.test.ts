/**
 * Every page, in the three languages: axe-core finds no violation of WCAG 2.2 A and AA, light and dark, on a narrow
 * screen; nothing is loaded or run that the Content-Security-Policy forbids; nothing is wider than 320 px.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'puppeteer-core';
import { policyOf } from '../../src/identity/pages/frame.ts';
import { texts, type Language } from '../../src/pages/texts/language.ts';
import { browserTest, useBrowser, type Tab } from './browser.ts';
import { samples } from './samples.ts';

const open = useBrowser();
let server: Server;
let root: string;

const types: Readonly<Record<string, string>> = { css: 'text/css', svg: 'image/svg+xml', js: 'text/javascript' };

beforeAll(async () => {
  server = createServer((request, response) => {
    const [, part = '', name = ''] = (request.url ?? '').split(/[/?]/);
    response.setHeader('content-security-policy', policyOf());
    if (part === 'assets') {
      response.setHeader('content-type', types[name.split('.')[1] ?? ''] ?? '');
      response.end(readFileSync(new URL(`../../src/pages/assets/${name}`, import.meta.url)));
      return;
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(samplePage(part as Language, name));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise((done) => server.close(done)));

function samplePage(language: Language, name: string): string {
  const assets = { style: '/assets/style.css', icon: '/assets/icon.svg', passkey: '/assets/passkey.js' };
  const frame = { laboratory: 'Laboratoire Ibn Sina', root: '/demo', here: `/${language}/${name}`, assets };
  return samples[name]?.(texts[language], frame) ?? '';
}

/** What axe-core finds: rule and element. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const found = (await page.evaluate(
    `axe.run({ runOnly: ${JSON.stringify(rules)}, resultTypes: ['violations'] })`,
  )) as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 120)}`);
}

const languages = ['en', 'fr', 'ar'] as const;
const tabs = new Map<Language, Promise<Tab>>();

/** One tab a language; they work side by side. Colours do not depend on the language: dark once is enough. */
async function tabOf(language: Language): Promise<Tab> {
  const tab = await open();
  await tab.page.setViewport({ width: 320, height: 700 });
  await tab.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: language === 'fr' ? 'dark' : 'light' }]);
  return tab;
}

async function look(name: string, language: Language): Promise<object> {
  const opened = tabs.get(language) ?? tabOf(language);
  tabs.set(language, opened);
  const { page, complaints } = await opened;
  await page.goto(`${root}/${language}/${name}`);
  const shape = await page.evaluate(
    '[document.dir, document.documentElement.lang, document.documentElement.scrollWidth]',
  );
  await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true');
  return { shape, violations: await violations(page), complaints };
}

browserTest.each(Object.keys(samples))('%s', async (name) => {
  const seen = await Promise.all(languages.map((language) => look(name, language)));
  const expected = languages.map((language) => ({
    shape: [language === 'ar' ? 'rtl' : 'ltr', language, 320],
    violations: [],
    complaints: [],
  }));
  expect(seen).toEqual(expected);
});
