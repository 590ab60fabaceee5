/** Nodes that verify one by one and are no tree together, and a pointer that leads nowhere. */
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../fs/errors.js';
import { NodeSlot } from '../../fs/format/tree-node.js';
import type { Log } from '../../fs/log/log.js';
import { Cursor } from '../../fs/tree/cursor.js';
import { splitKey } from '../../fs/tree/key.js';
import { headerBytes, Node, slotBytes, virtualPointer } from '../../fs/tree/node.js';
import { NodeCache } from '../../fs/tree/node-cache.js';

const nodeBytes = 8192;

/** A node with an item without a value for each inode. */
function node(level: number, ...inodes: readonly number[]): Node {
  const made = new Node(nodeBytes);
  made.clear(level, 0, 0, 1);
  for (const [index, inode] of inodes.entries()) {
    splitKey(inode, 1, 0);
    made.insert(index, new Uint8Array(0));
  }
  return made;
}

/** The inodes that a cursor meets from one end of two leaves below a root to the other, at most 10. */
function met(leaves: readonly [Node, Node], direction: 1 | -1): number[] {
  const children = {
    child: (_: Node, index: number) => leaves[index],
    misplaced: () => new CorruptionError('node', 'test', 'out of place'),
  };
  const cursor = new Cursor(children, 2);
  const root = node(1, 0, 5);
  const start = direction === 1 ? 0 : 1;
  cursor.enter(0, root, start);
  cursor.enter(1, leaves[start], direction === 1 ? 0 : -1);
  cursor.settleForward();
  cursor.settleBackward();
  const found: number[] = [];
  for (; cursor.valid && found.length < 10; cursor.next()) found.push(cursor.inode);
  return found;
}

describe('a cursor', () => {
  const low = node(0, 1, 2);
  const high = node(0, 5, 6);
  it('goes through leaves that are in order', () => {
    expect(met([low, high], 1)).toEqual([1, 2, 5, 6]);
    expect(met([low, high], -1)).toEqual([2, 5, 6]);
  });

  it.each<[string, [Node, Node]]>([
    ['the same leaf twice', [low, low]],
    ['leaves the wrong way round', [high, low]],
    ['a leaf whose first key is in the one before, too', [low, node(0, 2, 3)]],
    ['leaves without keys', [node(0), node(0)]],
  ])('does not take %s', (_, leaves) => {
    expect(() => met(leaves, 1)).toThrow(CorruptionError);
    expect(() => met(leaves, -1)).toThrow(CorruptionError);
  });
});

it('a pointer to a node that leads to no segment is damage, of which the volume hears', () => {
  const told: unknown[] = [];
  const error = new CorruptionError('pointer', 'address 77', 'leads to no segment');
  const log = {
    read: () => {
      throw error;
    },
  } as unknown as Log;
  const cache = new NodeCache(log, nodeBytes, 64, (e) => told.push(e));
  expect(() => cache.get(virtualPointer(node(0)), 0, 0, 1)).toThrow(error);
  expect(told).toEqual([error]);
});

it('a node in which two slots refer to the same bytes is none', () => {
  const made = new Node(nodeBytes);
  made.clear(0, 0, 0, 1);
  for (let inode = 1; inode <= 3; inode++) {
    splitKey(inode, 1, 0);
    made.insert(inode - 1, new Uint8Array(40).fill(inode));
  }
  expect(made.problem(0, 0, 1)).toBeUndefined();
  const slot = (index: number): number => headerBytes + index * slotBytes + NodeSlot.offsetOf.value;
  made.view.setUint16(slot(0), made.valueStart(1) + 39, true);
  expect(made.problem(0, 0, 1)).toBe('values overlap');
  expect(made.problem(0, 0, 1)).toBe('values overlap');
  made.view.setUint16(slot(0), made.valueStart(1) + 40, true);
  expect(made.problem(0, 0, 1)).toBeUndefined();
});
