/**
 * A line of text as runs from left to right, each in one font and one direction (Unicode Standard Annex #9).
 *
 * 1. Arabic words stay in the order in which they are read: the shaper joins their letters and lays them out from the right.
 * 2. Other signs of a run from the right come in the order in which they are seen, mirrored where they have two sides.
 * 3. Marks of direction are gone afterwards.
 */
import bidiFactory, { type Bidi } from 'bidi-js';
import { scriptOf, written, type Script } from './fonts.ts';

export interface Run {
  readonly text: string;
  readonly script: Script;
  /** In the order in which it is read, for the shaper to lay out from the right. */
  readonly joined: boolean;
}

// What the package exports is the function itself, whatever its types say.
const bidi = (bidiFactory as unknown as () => Bidi)();

const fromRight = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/u;
const marks = /[\u202A-\u202E\u2066-\u2069\u200B-\u200F]/u;
const allMarks = /[\u202A-\u202E\u2066-\u2069\u200B-\u200F]/gu;
/** What the shaper takes as Arabic script: letters and what belongs to them, and blanks between. */
const joined = /[\u0610-\u061A\u0620-\u065F\u066E-\u06D3\u06D5-\u06EF\u06FA-\u08FF\uFB50-\uFDFF\uFE70-\uFEFC ]/u;

interface Piece {
  readonly character: string;
  readonly script: Script;
  readonly odd: boolean;
  readonly joined: boolean;
}

export function runsOf(line: string, direction: 'ltr' | 'rtl'): Run[] {
  const text = written(line);
  if (!fromRight.test(text) && direction === 'ltr') {
    const plain = text.replace(allMarks, '');
    return plain === '' ? [] : [{ text: plain, script: 'latin', joined: false }];
  }
  return grouped(piecesOf(text, direction)).map((pieces) => {
    const [first] = pieces as [Piece];
    const inOrder = first.odd && first.joined ? pieces.toReversed() : pieces;
    const { script, joined: inReadingOrder } = first;
    return { text: inOrder.map(({ character }) => character).join(''), script, joined: first.odd && inReadingOrder };
  });
}

/** The characters as they are seen from the left. */
function piecesOf(text: string, direction: 'ltr' | 'rtl'): Piece[] {
  const levels = bidi.getEmbeddingLevels(text, direction);
  const pieces: Piece[] = [];
  let pending = '';
  for (const at of bidi.getReorderedIndices(text, levels)) {
    const unit = text[at] ?? '';
    if (marks.test(unit)) continue;
    const odd = ((levels.levels[at] ?? 0) & 1) === 1;
    // The halves of what lies beyond the first plane, in whichever order they come.
    if (/[\uD800-\uDFFF]/.test(unit)) {
      pending = odd ? unit + pending : pending + unit;
      if (pending.length < 2) continue;
    }
    const character = pending === '' ? ((odd ? bidi.getMirroredCharacter(unit) : null) ?? unit) : pending;
    pending = '';
    pieces.push({ character, script: scriptOf(character), odd, joined: odd && joined.test(character) });
  }
  return pieces;
}

/** Blanks go with what stands beside them. */
function grouped(pieces: readonly Piece[]): Piece[][] {
  const groups: Piece[][] = [];
  for (const piece of pieces) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    const own =
      piece.character === ' ' && last !== undefined && last.odd === piece.odd
        ? { ...piece, script: last.script, joined: last.joined }
        : piece;
    if (last !== undefined && last.script === own.script && last.odd === own.odd && last.joined === own.joined)
      group?.push(own);
    else groups.push([own]);
  }
  return groups;
}
