/**
 * Pass 4: a walk of one tree from its root, with a visitor for its items. Every node is judged before it is used
 * and entered once only: the walk ends on any image, however it is tangled, and holds one node per level in memory.
 */
import { nodeBytes, nodePages } from '../fs/format/geometry.js';
import type { Pointer } from '../fs/format/pointer.js';
import { type Address, type Generation, type InodeNumber, volumeInode } from '../fs/units.js';
import { leavesSegment, transforms } from './extent-value.js';
import type { Image } from './image.js';
import { checkKey, checkNode, NodeFrame } from './node.js';
import type { Findings } from './problem.js';

export const tree = { files: 0, system: 1 } as const;

/** Hears of each item in key order. */
export interface ItemVisitor {
  item(frame: NodeFrame, index: number): void;
  /** All items of a leaf were visited; may read what they point to. */
  leafDone?(): Promise<void> | undefined;
}

/** Levels that a tree of 2^53 pages could have; more is a lie. */
const maxHeight = 24;

export class TreeWalk {
  private readonly frames: NodeFrame[] = [];
  nodes = 0;

  constructor(
    private readonly image: Image,
    private readonly which: number,
    private readonly findings: Findings,
  ) {}

  /** Visit all items below a root. Problems go to the findings; what can't be read is left out. */
  async walk(root: Pointer, height: number, visitor: ItemVisitor): Promise<void> {
    if (height < 1 || height > maxHeight) {
      this.findings.add('checkpoint', `the checkpoint is not sane: a tree with ${height} levels`);
      return;
    }
    let depth = 0;
    const top = this.frame(0);
    top.low.fill(0);
    top.hasHigh = false;
    if (!(await this.enter(0, root, height - 1, this.image.checkpoint.generation, true))) return;
    while (depth >= 0) {
      const frame = this.frames[depth];
      if (frame.at >= frame.count) {
        depth--;
        continue;
      }
      if (frame.level === 0) {
        this.visitLeaf(frame, visitor);
        const wait = visitor.leafDone?.();
        if (wait !== undefined) await wait;
        depth--;
      } else if (await this.descend(depth)) {
        depth++;
      }
    }
  }

  private visitLeaf(frame: NodeFrame, visitor: ItemVisitor): void {
    for (; frame.at < frame.count; frame.at++) {
      if (checkKey(frame, frame.at, this.findings)) visitor.item(frame, frame.at);
    }
  }

  /** Enter the next child of the frame at `depth`. */
  private async descend(depth: number): Promise<boolean> {
    const frame = this.frames[depth];
    const index = frame.at++;
    if (!checkKey(frame, index, this.findings)) return false;
    const below = this.frame(depth + 1);
    if (index === 0) below.low.set(frame.low);
    else for (let i = 0; i < 4; i++) below.low[i] = frame.keyWord(index, i);
    const last = index + 1 === frame.count;
    below.hasHigh = !last || frame.hasHigh;
    if (last) below.high.set(frame.high);
    else for (let i = 0; i < 4; i++) below.high[i] = frame.keyWord(index + 1, i);
    return this.enter(depth + 1, frame.pointer(index), frame.level - 1, frame.birth, false);
  }

  /** Read the node that a pointer leads to into the frame at `depth`. False if it can't be used. */
  private async enter(
    depth: number,
    pointer: Pointer,
    level: number,
    newest: Generation,
    isRoot: boolean,
  ): Promise<boolean> {
    const frame = this.frames[depth];
    const pages = nodePages(this.image.geometry);
    frame.name = `the ${this.which === tree.system ? 'system tree' : 'tree'}'s ${isRoot ? 'root ' : ''}node at ${describe(pointer.address, this.image)}`;
    frame.at = 0;
    frame.count = 0;
    const { address, transform } = pointer;
    const { superblock } = this.image;
    const strange = transform !== 0 && !transforms(superblock);
    if (pointer.pages !== pages || address < 1 || strange || leavesSegment(address, pages, superblock)) {
      this.findings.add('node-pointer', `the pointer to ${frame.name} is not sane (${pointer.pages} pages)`);
      return false;
    }
    if (pointer.birth > newest) {
      this.findings.add(
        'birth',
        `${frame.name} was born in generation ${pointer.birth}, what points to it in ${newest}`,
      );
    }
    // A node whose pages an extent points to as well is still a node; but none is entered twice.
    const claimed = claimPages(this.image, pointer.address, pages, frame.name, this.follows, this.findings);
    if (claimed === 'nowhere' || !this.isNew(pointer.address, pages)) return false;
    this.nodes++;
    if (!(await this.image.readPages(pointer.address, pages, frame.bytes, this.follows))) return false;
    return checkNode(frame, { pointer, tree: this.which, level, isRoot }, this.findings);
  }

  private isNew(address: Address, pages: number): boolean {
    const { image, follows } = this;
    let fresh = true;
    for (let i = 0; i < pages; i++) if (!image.nodes.claim(image.locate(address + i, follows))) fresh = false;
    if (!fresh) this.findings.add('node-pointer', `a second pointer leads to ${describe(address, image)}`);
    return fresh;
  }

  /** The system tree holds the relocations, so its own nodes are never found through them. */
  private get follows(): boolean {
    return this.which !== tree.system;
  }

  private frame(depth: number): NodeFrame {
    this.frames[depth] ??= new NodeFrame(nodeBytes(this.image.geometry));
    return this.frames[depth];
  }
}

export function describe(address: Address, image: Image): string {
  return `address ${address} (segment ${Math.floor(address / image.perSegment)}, page ${address % image.perSegment})`;
}

/**
 * Claim the pages of a pointer. Says so if one of them lies nowhere (then the rest is left) or has another pointer.
 * A node has no `inode`: that another pointer leads to its pages is said of the volume, as it is not the node's fault.
 */
export function claimPages(
  image: Image,
  address: Address,
  pages: number,
  owner: string,
  follow: boolean,
  findings: Findings,
  inode?: InodeNumber,
): 'alone' | 'shared' | 'nowhere' {
  let found: 'alone' | 'shared' = 'alone';
  for (let i = 0; i < pages; i++) {
    const located = image.locate(address + i, follow);
    if (located < 0) {
      findings.add('page-claim', `${owner} points to ${describe(address + i, image)}, which lies nowhere`, inode);
      return 'nowhere';
    }
    if (!image.claims.claim(located)) {
      findings.add(
        'page-claim',
        `${owner} points to ${image.describe(located)}, which has another pointer`,
        inode ?? volumeInode,
      );
      found = 'shared';
    }
    if (follow && image.placeOf(Math.floor((address + i) / image.perSegment)) < 0) image.relocations.use(address + i);
  }
  image.onProgress(image.claims.total);
  return found;
}
