/**
 * What fsck can find. Every invariant of a volume has a letter for its area and a number; every finding cites one.
 *
 * Findings are kept up to a limit and counted beyond it: a hostile image can hold more errors than memory.
 */

import { type Column, numbers } from './column.js';

/** The invariants, by the code of the finding that says one is broken. */
export const invariants = {
  superblock: ['S1', 'The superblock verifies.'],
  'superblock-copy': ['S2', 'The copy of the superblock in the last page verifies and says the same.'],
  checkpoint: ['C1', 'The newest checkpoint is sane: its numbers are in range and agree with the superblock.'],
  'checkpoint-slot': ['C2', 'On a cleanly closed volume, the older checkpoint slot verifies or was never written.'],
  replay: ['C3', 'The journal after the checkpoint can be replayed.'],
  journal: [
    'C4',
    'No record of the journal is missing that a later one calls durable, and none builds on a checkpoint that is lost.',
  ],
  'table-page': ['T1', 'Every current page of the segment table verifies and is no newer than the checkpoint.'],
  'index-entry': ['T2', 'A place has a known state, and its serial is below the next one and in no other place.'],
  'live-count': ['T3', 'A place has as many live pages as its live map has bits; a free or journal place has none.'],
  'log-head': ['T4', 'A log head of the checkpoint stands in an open segment of its own.'],
  'node-pointer': ['B1', 'A pointer to a node leads to the pages of one node, and to nowhere twice.'],
  'node-checksum': ['B2', 'A node is what its pointer says: checksum, magic, tree, level and birth.'],
  'node-layout': [
    'B3',
    'Slots and values of a node lie within it and do not overlap; only the root may be an empty leaf.',
  ],
  'key-order': ['B4', 'Keys in a node ascend.'],
  'key-range': ['B5', 'Keys of a node lie between those of its parent around it.'],
  birth: ['B6', 'Nothing is born after what points to it.'],
  'item-unknown': ['B7', 'Items are of a known kind, in the tree where that kind belongs.'],
  'inode-record': ['I1', 'An inode record is sane.'],
  'item-without-inode': ['I2', 'An item belongs to an inode, and to one of a type that can have it.'],
  'extent-value': ['I3', 'An extent has a sane pointer, and a checksum for each page; they agree.'],
  'extent-overlap': ['I4', 'Extents of a file do not overlap and end below the largest file.'],
  'extent-past-end': ['I5', 'Stored pages of a file lie within its size, unless they are reserved or being reclaimed.'],
  inline: ['I6', 'A file is inline or has extents; inline contents fit the size.'],
  pages: ['I7', 'An inode counts its pages.'],
  'inode-number': ['I8', 'Inode numbers are below the next one.'],
  dirent: ['N1', 'A directory entry leads to an inode of the type it says.'],
  'name-hash': ['N2', 'A directory entry lies under the hash of its name.'],
  name: ['N3', 'A name has 1 to 255 bytes without / and NUL, is not . or .., and is unique in its directory.'],
  links: ['N4', 'An inode has as many links as names; the root directory has one.'],
  subdirectories: ['N5', 'A directory counts its subdirectories.'],
  parent: ['N6', 'A directory has one name, and knows its parent.'],
  unreachable: ['N7', 'Every inode is reached from the root, or is an orphan.'],
  root: ['N8', 'Inode 1 is a directory, its own parent.'],
  'directory-size': ['N9', 'The size of a directory is the sum over its names of their bytes and 8.'],
  orphan: ['O1', 'An orphan entry names an inode that exists.'],
  usage: ['Q1', 'A usage item is the sum over the inode records of its owner, and there is none for nothing.'],
  limits: ['Q2', 'A limits item is for an id or for all, and its numbers are in range.'],
  xattr: ['X1', 'An attribute lies under the hash of its name, is unique, and has its value.'],
  'xattr-flag': ['X2', 'An inode says that it has attributes, and ACLs, when it has some.'],
  'page-claim': ['P1', 'A page has at most one pointer, and lies in a segment.'],
  'live-map': ['P2', 'A page is live in the map exactly if a pointer leads to it.'],
  relocation: [
    'P3',
    'A relocation is for pages whose segment is gone, leads to pages that are there, and has no dead ones.',
  ],
  'kept-root': ['R1', 'A kept root is sane, and follows one that is there; so does the live root.'],
  'dropped-run': [
    'R2',
    'What a line has dropped is not in its tree, and is held by a kept root or about to be given back.',
  ],
  counters: ['P4', 'The checkpoint counts inodes, live pages and promised pages.'],
  data: ['D1', 'A page of a file is what was written.'],
} as const satisfies Record<string, readonly [string, string]>;

export type ProblemCode = keyof typeof invariants;

/** One broken invariant. */
export interface Problem {
  readonly code: ProblemCode;
  /** Letter and number of the invariant. */
  readonly invariant: string;
  readonly message: string;
  readonly inode?: number;
  /** Where the inode is, from the root of the volume, when known. */
  readonly path?: string;
  /** The snapshot or branch, by name, whose tree it is in; absent: it is in the live one, or in the volume. */
  readonly snapshot?: string;
  /** What fsck -y does about it; absent: nothing. */
  readonly fix?: string;
}

/** A problem that cites the invariant of its code. */
export function problem(code: ProblemCode, message: string, inode?: number): Problem {
  const invariant = invariants[code][0];
  return inode === undefined ? { code, invariant, message } : { code, invariant, message, inode };
}

const keptInAll = 1000;
const keptPerCode = 100;
/** Most inodes that are remembered for each code; what is beyond comes up in the next check. */
const inodesPerCode = 2 ** 20;

/** How often a code was found, and where. */
export interface Tally {
  count: number;
  /** Of these, how many are of no inode. */
  elsewhere: number;
  /** The inodes, in the order of the finds; some more than once. */
  readonly inodes: Column<Float64Array>;
}

/** Collects problems. The first 100 of each code and the first 1,000 in all are kept, all are counted. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly tallies = new Map<ProblemCode, Tally>();
  /** What is found from now on is in the tree of this snapshot or branch. */
  snapshot: string | undefined;

  add(code: ProblemCode, message: string, inode?: number): void {
    const { snapshot } = this;
    const found = problem(code, message, inode);
    this.take(snapshot === undefined ? found : { ...found, snapshot });
  }

  take(found: Problem): void {
    let tally = this.tallies.get(found.code);
    if (tally === undefined) {
      tally = { count: 0, elsewhere: 0, inodes: numbers() };
      this.tallies.set(found.code, tally);
    }
    tally.count++;
    if (tally.count <= keptPerCode && this.problems.length < keptInAll) this.problems.push(found);
    const { inodes } = tally;
    if (found.inode === undefined) tally.elsewhere++;
    else if (inodes.length < inodesPerCode && (inodes.length === 0 || inodes.values[inodes.length - 1] !== found.inode))
      inodes.push(found.inode);
  }

  async takeAll(list: Iterable<Problem> | AsyncIterable<Problem>): Promise<void> {
    for await (const found of list) this.take(found);
  }

  /** Whether another one of this code would be kept: saves making messages that nobody reads. */
  wants(code: ProblemCode): boolean {
    return (this.tallies.get(code)?.count ?? 0) < keptPerCode;
  }

  get total(): number {
    let total = 0;
    for (const { count } of this.tallies.values()) total += count;
    return total;
  }

  /** The problems, and one for each code of which more were found than kept. */
  list(): Problem[] {
    const list = [...this.problems];
    for (const [code, { count }] of this.tallies) {
      const kept = this.problems.filter((p) => p.code === code).length;
      if (count > kept) list.push(problem(code, `and ${count - kept} more of this kind`));
    }
    return list;
  }
}
