/**
 * Pages to which more than one pointer leads, and whose they are: a node's that verifies; else the extent's that was
 * born first, or comes first. One more walk finds all who point to a page that the check found claimed twice.
 *
 * Memory: about 150 bytes a contested page, of at most a million; the others come up in the next round.
 */
import { itemKind } from '../../fs/format/item.js';
import type { InodeNumber, PageNumber } from '../../fs/units.js';
import type { Survey } from '../check.js';
import { extentProblem, pointerOf } from '../extent-value.js';
import type { Image } from '../image.js';
import type { NodeFrame } from '../node.js';
import { again } from '../paths.js';
import { Findings } from '../problem.js';
import { type ItemVisitor, TreeWalk, tree } from '../tree.js';

interface Owner {
  readonly inode: InodeNumber;
  /** First page of the extent. */
  readonly first: PageNumber;
  readonly birth: number;
}

/** Stands for a node: no extent can be born before it. */
const node: Owner = { inode: -1, first: 0, birth: -1 };

export class Contested implements ItemVisitor {
  /** Inodes with extents that point to contested pages. */
  readonly inodes = new Set<InodeNumber>();
  private readonly owners = new Map<number, Owner | undefined>();

  private constructor(private readonly image: Image) {
    const { twice } = image.claims;
    for (let i = 0; i < twice.length; i++) {
      const located = twice.values[i];
      this.owners.set(located, image.nodes.has(located) ? node : undefined);
    }
  }

  /** Find out about the pages that a survey found claimed twice. */
  static async find({ image, checkpoint }: Survey): Promise<Contested> {
    const contested = new Contested(image);
    if (contested.owners.size === 0) return contested;
    const walk = new TreeWalk(again(image), tree.files, new Findings());
    await walk.walk(checkpoint.mainRoot, checkpoint.mainHeight, contested);
    return contested;
  }

  item(frame: NodeFrame, index: number): void {
    if (frame.kind(index) !== itemKind.extent) return;
    const value = frame.value(index);
    if (extentProblem(value, this.image.superblock) !== undefined) return;
    const { address, pages, birth } = pointerOf(value);
    if (address === 0) return;
    for (let i = 0; i < pages; i++) {
      const located = this.image.locate(address + i, true);
      if (!this.owners.has(located)) continue;
      this.inodes.add(frame.inode(index));
      const owner = this.owners.get(located);
      if (owner === undefined || birth < owner.birth) {
        this.owners.set(located, { inode: frame.inode(index), first: frame.offset(index), birth });
      }
    }
  }

  /** Whether the page belongs to the extent of `inode` that begins at page `first`. */
  belongsTo(located: number, inode: InodeNumber, first: PageNumber): boolean {
    const owner = this.owners.get(located);
    return owner === undefined || (owner.inode === inode && owner.first === first);
  }
}
