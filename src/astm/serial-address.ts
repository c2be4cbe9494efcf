/**
 * A serial line as an address: `serial:///dev/ttyUSB0?baud=9600&data=8&parity=none&stop=1`. What is left out is as here.
 * Pure. LIS01-A2 §5: 9600 baud, eight data bits, no parity, one stop bit.
 */
export interface SerialSettings {
  readonly path: string;
  readonly baudRate: number;
  readonly dataBits: 7 | 8;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
}

const rates = [300, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200];

/** Undefined for what is no such address. */
export function serialAddress(address: string): SerialSettings | undefined {
  const [, path = '', asked = ''] = /^serial:\/\/(\/[\w./:-]+|\/?COM\d+)(?:\?(.*))?$/i.exec(address) ?? [];
  if (path === '' || path.includes('..')) return undefined;
  const query = new URLSearchParams(asked);
  const isKnown = [...query.keys()].every((name) => ['baud', 'data', 'parity', 'stop'].includes(name));
  const baudRate = rates.find((one) => one === Number(query.get('baud') ?? 9_600));
  const dataBits = ([7, 8] as const).find((one) => one === Number(query.get('data') ?? 8));
  const parity = (['none', 'even', 'odd'] as const).find((one) => one === (query.get('parity') ?? 'none'));
  const stopBits = ([1, 2] as const).find((one) => one === Number(query.get('stop') ?? 1));
  if (!isKnown || baudRate === undefined || dataBits === undefined || parity === undefined) return undefined;
  return stopBits === undefined
    ? undefined
    : { path: path.replace(/^\/(?=COM)/i, ''), baudRate, dataBits, parity, stopBits };
}
