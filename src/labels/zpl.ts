/**
 * Labels in ZPL II, for thermal printers of 203 dots an inch: eight dots a millimetre. Text is UTF-8 (^CI28), with the
 * printer's own shaping and direction for Arabic (^PA); what is no letter or digit is written in hexadecimal (^FH), so that
 * no name can end a field or begin a command.
 */
import { labelSize, type Label } from './label.ts';

const dots = 8;

export function zplOf(labels: readonly Label[]): string {
  return labels.map(oneLabel).join('');
}

function oneLabel(label: Label): string {
  const { number, symbology, name, identifier, birthAndSex, container, tests, urgent } = label;
  const symbol =
    symbology === 'code128'
      ? `^FO16,70^BY2,2,60^BCN,60,N,N,N^FH^FD${hex(number)}^FS`
      : `^FO16,66^BXN,5,200^FH^FD${hex(number)}^FS`;
  const beside = symbology === 'code128' ? line([16, 136], 22, number) : line([130, 80], 28, number);
  return [
    `^XA^CI28^PA1,1,1,1^PW${labelSize.width * dots}^LL${labelSize.height * dots}`,
    line([16, 8], 26, name),
    line([16, 38], 20, `${birthAndSex} ${identifier}`.trim()),
    symbol,
    beside,
    line([16, 164], 18, `${container}  ${tests}`.trim()),
    ...(urgent ? ['^FO340,4^GB56,56,56^FS', '^FO354,14^A0N,40,40^FR^FD!^FS'] : []),
    '^PQ1^XZ\n',
  ].join('');
}

function line([x, y]: readonly [number, number], height: number, text: string): string {
  return `^FO${x},${y}^A0N,${height},${height}^FH^FD${hex(text)}^FS`;
}

function hex(text: string): string {
  return [...text]
    .map((character) =>
      /[\p{L}\p{N} .-]/u.test(character)
        ? character
        : [...Buffer.from(character, 'utf8')]
            .map((byte) => `_${byte.toString(16).padStart(2, '0').toUpperCase()}`)
            .join(''),
    )
    .join('');
}
