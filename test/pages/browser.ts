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

export interface Opened {
  /** A page in a context of its own: no cookie of another test. */
  page(options?: { javaScript?: boolean; language?: string }): Promise<Page>;
}

/** One browser for the tests of a file. */
export function useBrowser(): Opened {
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (executablePath === undefined) return;
    const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await launch({ executablePath, args: [...asRoot, '--disable-dev-shm-usage', '--disable-gpu'] });
  });
  afterAll(() => browser?.close());
  return {
    page: async ({ javaScript = true, language } = {}) => {
      if (browser === undefined) throw new Error('The browser did not start.');
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      await page.setJavaScriptEnabled(javaScript);
      if (language !== undefined) await page.setExtraHTTPHeaders({ 'accept-language': language });
      page.setDefaultTimeout(10_000);
      return page;
    },
  };
}
