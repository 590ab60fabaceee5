/**
 * Leaves of the file tree to which no pointer leads any more, because a node above them was lost. The summaries say
 * where nodes lie; the live map, where it can be read, says which of them were in use. What the pointer's checksum
 * would have said must come from the leaf itself: its layout, the order of its keys, its range.
 *
 * Of leaves that claim the same keys the one born last is taken: it replaced the others.
 */

import { checksum } from '../../fs/format/checksum.js';
import { nodePages } from '../../fs/format/geometry.js';
import { itemKind } from '../../fs/format/item.js';
import type { Pointer } from '../../fs/format/pointer.js';
import { runKind } from '../../fs/format/segment-summary.js';
import { placeState } from '../../fs/format/segment-table.js';
import { readU64 } from '../../fs/format/struct.js';
import { NodeHeader } from '../../fs/format/tree-node.js';
import type { GraftChild } from '../../fs/tree/graft.js';
import { type Address, type Place, pageSize } from '../../fs/units.js';
import type { Claims } from '../claims.js';
import { extentProblem, pointerOf } from '../extent-value.js';
import type { Image } from '../image.js';
import { checkNode, NodeFrame } from '../node.js';
import { Findings } from '../problem.js';
import { LiveMaps } from '../segment-table.js';
import { type Damage, tree } from '../tree.js';
import type { Places } from './places.js';
import { readPlace, runsOf } from './summaries.js';

/** A leaf with its keys. */
export interface FoundLeaf extends GraftChild {
  readonly last: Uint32Array;
}

/** Find leaves without a pointer whose keys lie in one of the ranges of lost nodes. */
export class LeafSearch {
  private readonly frame: NodeFrame;

  constructor(
    private readonly image: Image,
    private readonly places: Places,
    private readonly lost: readonly Damage[],
    /** Pages of snapshots that the live tree has given up: a leaf that lies there is none of its own. */
    private readonly dropped: Claims,
    /** Told of the leaves of the system tree that lie where this looks. */
    private readonly system: (address: Address) => void = () => undefined,
  ) {
    this.frame = new NodeFrame(image.geometry);
  }

  /** The leaves below each lost node, in order of keys and disjoint; their pages are claimed in the image. */
  async find(): Promise<Map<Damage, FoundLeaf[]>> {
    const found = new Map<Damage, FoundLeaf[]>(this.lost.map((damage) => [damage, []]));
    const maps = new LiveMaps(this.image);
    for (let place = 0; place < this.places.state.length; place++) {
      if (this.places.state[place] === placeState.free) continue;
      await maps.moveTo(place);
      const live = maps.readable ? maps.of(place) : undefined;
      if (live !== undefined && !this.holdsUnclaimed(place, live)) continue;
      await this.search(place, live?.slice(), found);
    }
    for (const [damage, leaves] of found) found.set(damage, disjoint(leaves));
    for (const leaves of found.values()) for (const leaf of leaves) await this.claim(leaf);
    return found;
  }

  private holdsUnclaimed(place: Place, live: Uint8Array): boolean {
    const claimed = this.image.claims.ofPlace(place);
    return live.some((byte, i) => (byte & ~(claimed?.[i] ?? 0)) !== 0);
  }

  private async search(place: Place, live: Uint8Array | undefined, found: Map<Damage, FoundLeaf[]>): Promise<void> {
    const { image } = this;
    const pages = nodePages(image.geometry);
    const contents = await readPlace(image.store, image.geometry, place);
    for (const run of runsOf(contents, this.places.serial[place])) {
      if (run.level !== 0) continue;
      if (run.kind === runKind.systemNode) for (let i = 0; i < run.pages; i += pages) this.system(run.address + i);
      if (run.kind !== runKind.node) continue;
      // The cleaner may have put the rest of the last one into another segment.
      for (let i = 0; i < run.pages; i += pages) {
        const page = run.page + i;
        const used = live === undefined || (live[page >> 3] & (1 << (page & 7))) !== 0;
        if (used && this.isThere(place, page, run.address + i)) await this.consider(run.address + i, found);
      }
    }
  }

  /** Whether a pointer to the address leads just here, to pages that nothing claims and the live tree has not dropped. */
  private isThere(place: Place, page: number, address: Address): boolean {
    const { image } = this;
    for (let i = 0; i < nodePages(image.geometry); i++) {
      const located = image.locate(address + i, true);
      if (located < 0 || image.claims.has(located) || this.dropped.has(located)) return false;
      if (i === 0 && located !== place * image.perSegment + page) return false;
    }
    return true;
  }

  private async consider(address: Address, found: Map<Damage, FoundLeaf[]>): Promise<void> {
    const { frame, image } = this;
    if (!(await image.readPages(address, nodePages(image.geometry), frame.bytes, true))) return;
    const birth = readU64(frame.view, NodeHeader.offsetOf.birth);
    const pointer: Pointer = {
      address,
      birth,
      checksum: checksum(frame.bytes),
      pages: frame.bytes.length / pageSize,
      transform: 0,
      flags: 0,
      storedBytes: frame.bytes.length,
      plainBytes: frame.bytes.length,
    };
    if (birth > image.checkpoint.generation) return;
    if (!checkNode(frame, { pointer, tree: tree.files, level: 0, isRoot: false }, new Findings())) return;
    for (let i = 1; i < frame.count; i++) if (!frame.ascends(i)) return;
    const words = Uint32Array.from({ length: 4 }, (_, i) => frame.keyWord(0, i));
    const last = Uint32Array.from({ length: 4 }, (_, i) => frame.keyWord(frame.count - 1, i));
    for (const [damage, leaves] of found) {
      const { low, high } = damage;
      if (compareWords(words, low) < 0 || (high !== undefined && compareWords(last, high) >= 0)) continue;
      leaves.push({ words, last, pointer });
      return;
    }
  }

  /** The leaf is in use, and so is what its extents point to. */
  private async claim({ pointer }: FoundLeaf): Promise<void> {
    const { image, frame } = this;
    this.claimPages(pointer.address, pointer.pages);
    await image.readPages(pointer.address, pointer.pages, frame.bytes, true);
    if (!checkNode(frame, { pointer, tree: tree.files, level: 0, isRoot: false }, new Findings())) return;
    for (let i = 0; i < frame.count; i++) {
      if (frame.kind(i) !== itemKind.extent) continue;
      const value = frame.value(i);
      if (extentProblem(value, image.superblock) !== undefined) continue;
      const { address, pages } = pointerOf(value);
      if (address !== 0) this.claimPages(address, pages);
    }
  }

  private claimPages(address: Address, pages: number): void {
    for (let i = 0; i < pages; i++) {
      const located = this.image.locate(address + i, true);
      if (located >= 0) this.image.claims.claim(located);
    }
  }
}

export function compareWords(a: Uint32Array, b: Uint32Array): number {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

/** The leaves born last, none over the keys of another, in order of keys. */
export function disjoint(leaves: readonly FoundLeaf[]): FoundLeaf[] {
  const newest = leaves
    .slice()
    .sort((a, b) => b.pointer.birth - a.pointer.birth || b.pointer.address - a.pointer.address);
  const taken: FoundLeaf[] = [];
  for (const leaf of newest) {
    let low = 0;
    let high = taken.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareWords(taken[middle].words, leaf.words) < 0) low = middle + 1;
      else high = middle;
    }
    const before = taken[low - 1];
    const after = taken[low];
    if (before !== undefined && compareWords(before.last, leaf.words) >= 0) continue;
    if (after !== undefined && compareWords(after.words, leaf.last) <= 0) continue;
    taken.splice(low, 0, leaf);
  }
  return taken;
}
