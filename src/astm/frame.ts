/**
 * Frames of the link layer (CLSI LIS01-A2 §6.3, ASTM E1381): `STX FN text ETB|ETX C1 C2 CR LF`. Pure.
 *
 * FN counts 1 to 7, then 0; C1 C2 is the sum of all bytes from FN to ETB or ETX, modulo 256, as two hexadecimal digits. A
 * record that does not fit one frame goes on in the next: all but its last end with ETB.
 */
export const control = {
  STX: 0x02,
  ETX: 0x03,
  EOT: 0x04,
  ENQ: 0x05,
  ACK: 0x06,
  LF: 0x0a,
  CR: 0x0d,
  NAK: 0x15,
  ETB: 0x17,
} as const;

/** §6.3.1.2 with what frames it, 247. */
export const standardText = 240;

const digits = '0123456789ABCDEF';

/** @param content from FN to ETB or ETX */
export function checksum(content: Uint8Array): string {
  let sum = 0;
  for (const byte of content) sum = (sum + byte) & 0xff;
  return `${digits[sum >> 4]}${digits[sum & 15]}`;
}

/** One frame. @param number FN, 0 to 7 */
export function frame(number: number, text: Uint8Array, last: boolean, sum = checksum): Buffer {
  const summed = Buffer.concat([Buffer.from(String(number)), text, Buffer.of(last ? control.ETX : control.ETB)]);
  return Buffer.concat([Buffer.of(control.STX), summed, Buffer.from(`${sum(summed)}\r\n`, 'latin1')]);
}

/**
 * The frames of a message.
 * @param records each with its CR
 * @param size most bytes of text in a frame
 */
export function framesOf(records: readonly Uint8Array[], size = standardText, sum = checksum): Buffer[] {
  const frames: Buffer[] = [];
  for (const record of records) {
    for (let at = 0; at === 0 || at < record.length; at += size) {
      const text = record.subarray(at, at + size);
      frames.push(frame((frames.length + 1) % 8, text, at + size >= record.length, sum));
    }
  }
  return frames;
}

/** Not allowed in the text of a frame (§6.3.4); LF and the ends of a frame are looked at by themselves. */
const forbidden = new Set([0x01, 0x02, 0x04, 0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16]);

export function isForbidden(byte: number): boolean {
  return forbidden.has(byte);
}
