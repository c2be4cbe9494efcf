/** The few files that pages load, read once, served under an address that changes with their content. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Context } from 'koa';
import { colourRules } from '../../pages/colour.ts';

const types = {
  'style.css': 'text/css',
  'icon.svg': 'image/svg+xml',
  'passkey.js': 'text/javascript',
  // How an app that an EMR embeds should look (smart_style_url).
  'smart-style.json': 'application/json',
} as const;
type Name = keyof typeof types;

interface Asset {
  readonly content: Buffer;
  readonly type: string;
  readonly hash: string;
}

const assets = new Map<string, Asset>(
  Object.entries(types).map(([name, type]) => {
    const content = readFileSync(new URL(`../../pages/assets/${name}`, import.meta.url));
    return [name, { content, type, hash: createHash('sha256').update(content).digest('base64url').slice(0, 16) }];
  }),
);

/** Below the laboratory's root. */
export function assetAddress(name: Name): string {
  return `/assets/${name}?${assets.get(name)?.hash}`;
}

/** The rules for the laboratory's own colour; they are short and change with its setting. */
export function sendColour(ctx: Context, colour: string): void {
  ctx.set('cache-control', ctx.querystring === colour.slice(1) ? 'public, max-age=31536000, immutable' : 'no-cache');
  ctx.type = 'text/css';
  ctx.body = colourRules(colour);
}

/** Whether there is such a file, which is then sent. */
export function sendAsset(ctx: Context, name: string): boolean {
  const asset = assets.get(name);
  if (asset === undefined || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return false;
  ctx.set('cache-control', ctx.querystring === asset.hash ? 'public, max-age=31536000, immutable' : 'no-cache');
  ctx.set('etag', `"${asset.hash}"`);
  ctx.type = asset.type;
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return true;
  }
  ctx.body = asset.content;
  return true;
}
