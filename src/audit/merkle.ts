/**
 * A Merkle tree over the events of a seal: one hash stands for all of them in their order, and a path of some twenty
 * hashes proves that one event is among a million. The tree of RFC 6962 §2.1 (SHA-256).
 *
 * 1. Leaves and inner nodes are hashed with different first bytes (0x00, 0x01), so that no inner node can be passed off
 *    as an event.
 * 2. The left part of a tree of n leaves is the largest power of two below n: the shape depends on n alone, and n is
 *    signed with the root.
 */
import { hash } from 'node:crypto';

const leafMark = '\0';
const nodeMark = 1;

/** By way of a string: a Buffer that `hash` makes has memory of its own to be freed, and took twice as long. */
function digest(data: string | Buffer): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'binary');
}

/** @param content the canonical text of an event */
export function leafHash(content: string): Buffer {
  return digest(leafMark + content);
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  const both = Buffer.allocUnsafe(1 + left.length + right.length);
  both[0] = nodeMark;
  both.set(left, 1);
  both.set(right, 1 + left.length);
  return digest(both);
}

/**
 * The root of leaves that come one after the other, in memory that grows with the logarithm of their number: a stack of
 * complete subtrees, the largest first, as the bits of the count.
 */
export interface Growing {
  add(leaf: Buffer): void;
  readonly count: number;
  root(): Buffer;
}

export function growingTree(): Growing {
  const stack: { hash: Buffer; size: number }[] = [];
  let count = 0;
  return {
    add: (leaf) => {
      count++;
      let node = { hash: leaf, size: 1 };
      for (let top = stack.at(-1); top?.size === node.size; top = stack.at(-1)) {
        stack.pop();
        node = { hash: nodeHash(top.hash, node.hash), size: node.size * 2 };
      }
      stack.push(node);
    },
    get count() {
      return count;
    },
    root: () =>
      stack.length === 0
        ? digest('')
        : stack.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right)),
  };
}

/** One step of a proof: the hash beside the way up, and on which side it stands. */
export interface Beside {
  readonly side: 'left' | 'right';
  readonly hash: Buffer;
}

/** The path from leaf `index` to the root, the leaf's neighbour first. */
export function auditPath(leaves: readonly Buffer[], index: number): Beside[] {
  if (!(index >= 0 && index < leaves.length)) throw new RangeError(`There is no leaf ${index} among ${leaves.length}.`);
  if (leaves.length === 1) return [];
  const left = splitOf(leaves.length);
  return index < left
    ? [...auditPath(leaves.slice(0, left), index), { side: 'right', hash: rootOf(leaves.slice(left)) }]
    : [...auditPath(leaves.slice(left), index - left), { side: 'left', hash: rootOf(leaves.slice(0, left)) }];
}

function splitOf(size: number): number {
  return 2 ** Math.ceil(Math.log2(size) - 1);
}

export function rootOf(leaves: readonly Buffer[]): Buffer {
  const tree = growingTree();
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
}

/** The root that a leaf and its path lead to. */
export function rootFromPath(leaf: Buffer, path: readonly Beside[]): Buffer {
  return path.reduce(
    (hash, beside) => (beside.side === 'left' ? nodeHash(beside.hash, hash) : nodeHash(hash, beside.hash)),
    leaf,
  );
}
