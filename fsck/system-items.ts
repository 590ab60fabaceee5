/** Items of the system tree: the relocations, which everything after this pass needs, and kept roots. */
import { itemKind, Relocation, RootRecord } from '../fs/format/item.js';
import { readU64 } from '../fs/format/struct.js';
import { type InodeNumber, volumeInode } from '../fs/units.js';
import type { Image } from './image.js';
import { KeptRootList } from './kept-roots.js';
import type { NodeFrame } from './node.js';
import { type Findings, type Problem, problem } from './problem.js';
import { describe, type ItemVisitor } from './tree.js';

/** An item, copied out of its node. */
export interface Item {
  readonly inode: InodeNumber;
  readonly kind: number;
  readonly offset: number;
  readonly value: Uint8Array;
}

/** Most items that are copied. */
const mostKept = 100_000;

export class SystemItems implements ItemVisitor {
  /** Items other than relocations. */
  readonly kept: Item[] = [];
  readonly roots: KeptRootList;

  constructor(
    private readonly image: Image,
    private readonly findings: Findings,
  ) {
    this.roots = new KeptRootList(image, findings);
  }

  item(frame: NodeFrame, index: number): void {
    const kind = frame.kind(index);
    const size = sizes.get(kind);
    if (kind === itemKind.dropped) {
      this.roots.chunk(frame, index);
      this.keep(frame, index);
    } else if (frame.inode(index) !== volumeInode || size === undefined) {
      this.findings.add('item-unknown', `the system tree has an item with key ${frame.key(index)}`);
    } else if (frame.valueLength(index) !== size) {
      this.findings.add(
        'item-unknown',
        `the system tree's item ${frame.key(index)} has ${frame.valueLength(index)} bytes instead of ${size}`,
      );
    } else if (kind === itemKind.relocation) {
      this.relocation(frame, index);
    } else {
      if (kind === itemKind.root) this.roots.root(frame, index);
      this.keep(frame, index);
    }
  }

  private keep(frame: NodeFrame, index: number): void {
    if (this.kept.length === mostKept) return;
    const value = frame.value(index).slice();
    this.kept.push({ inode: frame.inode(index), kind: frame.kind(index), offset: frame.offset(index), value });
  }

  private relocation(frame: NodeFrame, index: number): void {
    const { image } = this;
    const from = frame.offset(index);
    const base = frame.valueStart(index);
    const target = readU64(frame.view, base + Relocation.offsetOf.target);
    const pages = frame.view.getUint32(base + Relocation.offsetOf.pages, true);
    const name = `the relocation of ${describe(from, image)}`;
    if (
      pages < 1 ||
      (from % image.perSegment) + pages > image.perSegment ||
      (target % image.perSegment) + pages > image.perSegment
    ) {
      this.findings.add('relocation', `${name} has ${pages} pages, more than a segment holds`);
    } else if (image.placeOf(Math.floor(from / image.perSegment)) >= 0) {
      this.findings.add('relocation', `${name} is for a segment that is still there`);
    } else if (image.placeOf(Math.floor(target / image.perSegment)) < 0) {
      this.findings.add('relocation', `${name} leads to ${describe(target, image)}, which lies nowhere`);
    } else if (!image.relocations.add(from, target, pages)) {
      this.findings.add('relocation', `${name} overlaps the one before`);
    }
  }
}

const sizes = new Map<number, number>([
  [itemKind.relocation, Relocation.size],
  [itemKind.root, RootRecord.size],
]);

/** After all pointers are known: each page of a relocation serves one. */
export function* checkRelocations(image: Image): Iterable<Problem> {
  const { from, pages, used } = image.relocations;
  for (let i = 0; i < from.length; i++) {
    if (used.values[i] === pages.values[i]) continue;
    const name = `the relocation of ${describe(from.values[i], image)}`;
    yield problem('relocation', `${name} holds ${pages.values[i]} pages, of which pointers need ${used.values[i]}`);
  }
}
