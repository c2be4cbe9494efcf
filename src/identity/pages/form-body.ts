/** The fields of a posted form: read whole, bounded, UTF-8. */
import type { Context } from 'koa';

const mostBytes = 64 * 1024;

/** Undefined where it is no form, too large, or has a null character, which no text here can have. */
export async function readForm(ctx: Context): Promise<URLSearchParams | undefined> {
  if (ctx.is('application/x-www-form-urlencoded') === false) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) return undefined;
    chunks.push(chunk);
  }
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
  return form.toString().includes('%00') ? undefined : form;
}
