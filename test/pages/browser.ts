/**
 * A real headless Chromium for a test file: found by CHROMIUM_PATH or in the usual places. Where there is none the tests
 * are skipped, and say so.
 */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, test } from '@jest/globals';
import { launch, type Browser, type Page } from 'puppeteer-core';

const places = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

const executablePath = places.find((place) => place !== undefined && place !== '' && existsSync(place));

if (executablePath === undefined) {
  process.stderr.write(
    'No Chromium was found (CHROMIUM_PATH, /usr/bin/chromium, …): the tests of pages are skipped.\n',
  );
}

/** `test`, or `test.skip` where there is no browser. */
export const browserTest = executablePath === undefined ? test.skip : test;

/** A page and what it complained of: violations of its Content-Security-Policy, failed scripts. */
export interface Tab {
  readonly page: Page;
  readonly complaints: string[];
  /** Addresses outside of the server to which the browser was sent; it goes no further. */
  readonly left: string[];
}

interface TabOptions {
  readonly javaScript?: boolean;
  readonly language?: string;
}

/** One browser for the tests of a file; each tab has cookies of its own. */
export function useBrowser(): (options?: TabOptions) => Promise<Tab> {
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (executablePath !== undefined) browser = await start(executablePath);
  });
  afterAll(() => browser?.close());
  return async (options = {}) => {
    if (browser === undefined) throw new Error('The browser did not start.');
    const context = await browser.createBrowserContext();
    return await prepare(await context.newPage(), options);
  };
}

/** Root, and many containers, have no sandbox; the pages are our own. */
async function start(path: string): Promise<Browser> {
  const args = ['--disable-dev-shm-usage', '--disable-gpu'];
  const unboxed = { executablePath: path, args: [...args, '--no-sandbox'] };
  if (process.getuid?.() === 0) return await launch(unboxed);
  return await launch({ executablePath: path, args }).catch(() => launch(unboxed));
}

async function prepare(page: Page, { javaScript = true, language = 'en' }: TabOptions): Promise<Tab> {
  const complaints: string[] = [];
  const left: string[] = [];
  page.setDefaultTimeout(45_000);
  await page.setJavaScriptEnabled(javaScript);
  await page.setExtraHTTPHeaders({ 'accept-language': language });
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    if (/^(https?:\/\/(127\.0\.0\.1|localhost)[:/]|data:)/.test(request.url())) return void request.continue();
    if (!request.url().endsWith('/favicon.ico')) left.push(request.url());
    return void request.respond({ status: 200, contentType: 'text/html', body: '<title>The app</title>' });
  });
  return { page, complaints, left };
}

/** Presses a button, or follows a link, and waits for the page that comes of it. */
export async function press({ page }: Tab, selector: string): Promise<void> {
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

/** Fills in fields by name, faster than a person types; test/pages/authorization.test.ts types. */
export async function fill({ page }: Tab, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) {
    await page.$eval(
      `input[name="${name}"]:not([type=hidden], [readonly])`,
      (element, text) => {
        (element as { value?: string }).value = text;
      },
      value,
    );
  }
}

export async function heading({ page }: Tab): Promise<string> {
  return (await page.$eval('h1', (element) => element.textContent)) ?? '';
}

/** The whole text of the page, in one line. */
export async function textOf({ page }: Tab): Promise<string> {
  const text = await page.$eval('main', (element) => element.textContent);
  return (text ?? '').replaceAll(/\s+/g, ' ').trim();
}
