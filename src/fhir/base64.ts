/** Base64 of documents: whether a text is that is asked of many megabytes at once, and a loop over them holds up all others. */

/**
 * Base64 with its padding and nothing else. Decoding leaves out what is no digit, so that fewer bytes come out than the length
 * says; it takes the digits of base64url too, and of characters beyond Latin 1 the lower half.
 */
export function isPlainBase64(text: string): boolean {
  if (text.length % 4 !== 0 || text.includes('-') || text.includes('_')) return false;
  if (Buffer.byteLength(text) !== text.length) return false;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Buffer.from(text, 'base64').length === (text.length / 4) * 3 - padding;
}
