/**
 * What users, groups and projects use: pages stored and inodes, as sums over the inode records of the live tree. Whatever
 * changes an inode record goes through the tree, which shows the old and the new one; so new batches, those that recovery
 * replays, and repairs are all counted by the same few lines, and the journal needs to say nothing about it.
 *
 * The sums are put into the tree once per commit, in the synchronous stretch that ends the generation, and at the end of a
 * replay.
 *
 * Invariants
 * 1. Item of the tree + what was added since = the sum over the inode records of the tree.
 * 2. A change that touches neither owner, group, project nor pages costs a comparison of 20 bytes.
 *
 * Crash safety: a checkpoint has the sums of the very tree that it names. Batches after it are replayed through the tree.
 */
import { InodeRecord, itemKind, Usage } from '../format/item.js';
import type { Batch } from '../tree/batch.js';
import { words } from '../tree/key.js';
import type { Node } from '../tree/node.js';
import type { Tree } from '../tree/tree.js';
import { volumeInode } from '../units.js';

/** Who has usage and limits. The order is that of the kinds of items. */
export const holders = ['user', 'group', 'project'] as const;
export type Holder = (typeof holders)[number];

export const usageKinds: Readonly<Record<Holder, number>> = {
  user: itemKind.userUsage,
  group: itemKind.groupUsage,
  project: itemKind.projectUsage,
};

/** Whose limits are enforced, as the superblock says it. */
export const quotaFlags = (of: readonly Holder[]): number =>
  of.reduce((sum, one) => sum | (1 << holders.indexOf(one)), 0);
export const quotasOfFlags = (flags: number): readonly Holder[] => holders.filter((_, i) => ((flags >> i) & 1) === 1);

/** So many sums are remembered from one commit to the next. */
const mostKept = 4096;
const largest = Number.MAX_SAFE_INTEGER;
const at = InodeRecord.offsetOf;

/** The sum of one id. */
interface Sum extends Usage {
  readonly kind: number;
  readonly id: number;
  /** Added since the item was put. */
  pages: number;
  inodes: number;
  /** What the item says; undefined: it was not looked up. */
  settled: Usage | undefined;
  /** It is among those that wait. */
  waits: boolean;
}

export class UsageSums {
  private readonly byKind = [new Map<number, Sum>(), new Map<number, Sum>(), new Map<number, Sum>()];
  private changed: Sum[] = [];

  /** Sums that the next commit will put. */
  get waiting(): number {
    return this.changed.length;
  }

  /** What an id uses by now. May throw Suspend. */
  of(tree: Tree, holder: Holder, id: number): Usage {
    const sum = this.sum(usageKinds[holder], id);
    const settled = lookUp(tree, sum);
    return { pages: whole(settled.pages + sum.pages), inodes: whole(settled.inodes + sum.inodes) };
  }

  /** As the owner of a tree is told of its items. */
  readonly itemChanges = (leaf: Node, index: number, value: Uint8Array | undefined): void => {
    if ((words[1] & 0xffff) !== itemKind.inode || (words[0] === 0 && words[1] === itemKind.inode)) return;
    const known = leaf.matches(index) && leaf.valueLength(index) === InodeRecord.size;
    const counts = value !== undefined && value.length === InodeRecord.size;
    const start = known ? leaf.valueStart(index) : 0;
    if (known && counts && same(leaf.bytes, start, value)) return;
    if (known) this.count(leaf.bytes, start, -1);
    if (counts) this.count(value, 0, 1);
  };

  /** Put the sums that have changed. Throws Suspend before it changes anything. */
  settle(tree: Tree): void {
    if (this.changed.length === 0) return;
    const items: Batch['items'] = [];
    for (const sum of this.changed) {
      if (sum.pages === 0 && sum.inodes === 0) continue;
      const settled = lookUp(tree, sum);
      const pages = whole(settled.pages + sum.pages);
      const inodes = whole(settled.inodes + sum.inodes);
      items.push(usageItem(sum.kind, sum.id, { pages, inodes }));
    }
    tree.prepare(items);
    tree.change(items);
    for (const sum of this.changed) {
      if (sum.settled !== undefined)
        sum.settled = { pages: whole(sum.settled.pages + sum.pages), inodes: whole(sum.settled.inodes + sum.inodes) };
      sum.pages = 0;
      sum.inodes = 0;
      sum.waits = false;
    }
    this.changed = [];
    for (const sums of this.byKind) if (sums.size > mostKept) sums.clear();
  }

  /** The tree is another one from now on, or its items were put by someone else; nothing waits that is to be kept. */
  forget(): void {
    this.changed = [];
    for (const sums of this.byKind) sums.clear();
  }

  private count(record: Uint8Array, start: number, sign: number): void {
    const pages = sign * pagesOf(record, start);
    this.add(itemKind.userUsage, u32(record, start + at.uid), pages, sign);
    this.add(itemKind.groupUsage, u32(record, start + at.gid), pages, sign);
    const project = u32(record, start + at.project);
    if (project !== 0) this.add(itemKind.projectUsage, project, pages, sign);
  }

  private add(kind: number, id: number, pages: number, inodes: number): void {
    const sum = this.sum(kind, id);
    sum.pages += pages;
    sum.inodes += inodes;
    if (sum.waits) return;
    sum.waits = true;
    this.changed.push(sum);
  }

  private sum(kind: number, id: number): Sum {
    const sums = this.byKind[kind - itemKind.userUsage];
    let sum = sums.get(id);
    if (sum === undefined) {
      sum = { kind, id, pages: 0, inodes: 0, settled: undefined, waits: false };
      sums.set(id, sum);
    }
    return sum;
  }
}

/** The item that says what an id uses; it goes when that is nothing. */
export function usageItem(kind: number, id: number, usage: Usage): Batch['items'][number] {
  if (usage.pages === 0 && usage.inodes === 0) return { type: 'delete', inode: volumeInode, kind, offset: id };
  const value = new Uint8Array(Usage.size);
  Usage.write(new DataView(value.buffer), 0, usage);
  return { type: 'put', inode: volumeInode, kind, offset: id, value };
}

/** What the item says. May throw Suspend. */
function lookUp(tree: Tree, sum: Sum): Usage {
  if (sum.settled !== undefined) return sum.settled;
  const value = tree.get(volumeInode, sum.kind, sum.id);
  sum.settled = decodeUsage(value);
  return sum.settled;
}

/** Nothing, where there is no item or one that says nothing sensible: fsck counts again. */
export function decodeUsage(value: Uint8Array | undefined): Usage {
  if (value === undefined || value.length !== Usage.size) return { pages: 0, inodes: 0 };
  return Usage.read(new DataView(value.buffer, value.byteOffset, value.length), 0);
}

/** Only a damaged item or record leads beyond the range. */
const whole = (value: number): number => Math.min(largest, Math.max(0, value));

const u32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;

function pagesOf(record: Uint8Array, start: number): number {
  const high = u32(record, start + at.pages + 4);
  // As readU64 has it.
  return high < 0x200000 ? high * 2 ** 32 + u32(record, start + at.pages) : 2 ** 53;
}

/** Whether two records say the same of all that counts: pages, then owner and group, then project. */
function same(bytes: Uint8Array, start: number, value: Uint8Array): boolean {
  for (let i = at.pages; i < at.pages + 8; i++) if (bytes[start + i] !== value[i]) return false;
  for (let i = at.uid; i < at.gid + 4; i++) if (bytes[start + i] !== value[i]) return false;
  for (let i = at.project; i < at.project + 4; i++) if (bytes[start + i] !== value[i]) return false;
  return true;
}
