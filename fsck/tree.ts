/**
 * Pass 4: a walk of one tree from its root, with a visitor for its items. Every node is judged before it is used
 * and entered once only: the walk ends on any image, however it is tangled, and holds one node per level in memory.
 */
import { nodePages } from '../fs/format/geometry.js';
import type { Pointer } from '../fs/format/pointer.js';
import { type Address, type Generation, type InodeNumber, volumeInode } from '../fs/units.js';
import { leavesSegment, transforms } from './extent-value.js';
import type { Image } from './image.js';
import { checkKey, checkNode, type Expected, endOfAddresses, NodeFrame } from './node.js';
import type { Findings } from './problem.js';

export const tree = { files: 0, system: 1 } as const;

/** Hears of each item in key order. */
export interface ItemVisitor {
  item(frame: NodeFrame, index: number): void;
  /** All items of a leaf were visited; may read what they point to. */
  leafDone?(): Promise<void> | undefined;
}

/** Most levels of a tree. */
export const maxHeight = 12;

/** A node that can't stay as it is. */
export interface Damage {
  /** It can't be read at all, or it is an inner node with keys that lead astray; else it must be written anew. */
  readonly lost: boolean;
  readonly level: number;
  readonly pointer: Pointer;
  /** Its keys are at or after `low`, and before `high` if there is one. */
  readonly low: Uint32Array;
  readonly high: Uint32Array | undefined;
}

/** The part of a kept root's tree that it still holds: what was born after `floor`, and does not end before `from`. */
export interface KeptPart {
  readonly floor: Generation;
  readonly from: Uint32Array | undefined;
}

const endsBefore = (high: Uint32Array, from: Uint32Array): boolean => {
  for (let i = 0; i < 4; i++) if (high[i] !== from[i]) return high[i] < from[i];
  return true;
};

export class TreeWalk {
  private readonly frames: NodeFrame[] = [];
  nodes = 0;

  constructor(
    private readonly image: Image,
    private readonly which: number,
    private readonly findings: Findings,
    /** Hears of damaged nodes, those above first on each path; inner nodes with bad keys are then not entered. */
    private readonly damaged?: (damage: Damage) => void,
    /** The tree of a kept root: what another root has as well is not entered again. */
    private readonly kept?: KeptPart,
  ) {}

  /** Visit all items below a root. Problems go to the findings; what can't be read is left out. */
  async walk(
    root: Pointer,
    height: number,
    visitor: ItemVisitor,
    newest: Generation = this.image.checkpoint.generation,
  ): Promise<void> {
    if (height < 1 || height > maxHeight) {
      this.findings.add('checkpoint', `the checkpoint is not sane: a tree with ${height} levels`);
      return;
    }
    let depth = 0;
    const top = this.frame(0);
    top.low.fill(0);
    top.hasHigh = false;
    if (!(await this.enter(0, root, height - 1, newest, true))) return;
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
      else frame.flawed = true;
    }
    if (frame.flawed) this.report(frame, false);
  }

  private report(frame: NodeFrame, lost: boolean): void {
    const { level, from: pointer, hasHigh } = frame;
    if (pointer === undefined) return;
    this.damaged?.({ lost, level, pointer, low: frame.low.slice(), high: hasHigh ? frame.high.slice() : undefined });
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
    if (this.kept?.from !== undefined && below.hasHigh && endsBefore(below.high, this.kept.from)) return false;
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
    frame.at = 0;
    frame.count = 0;
    frame.level = level;
    frame.from = pointer;
    frame.flawed = false;
    const usable = await this.read(frame, { pointer, tree: this.which, level, isRoot }, newest);
    if (!usable) this.report(frame, true);
    else if (frame.flawed && level > 0) this.report(frame, false);
    return usable;
  }

  private async read(frame: NodeFrame, expected: Expected, newest: Generation): Promise<boolean> {
    const { image, which } = this;
    const { pointer, isRoot } = expected;
    const { address, transform, birth } = pointer;
    const pages = nodePages(image.geometry);
    frame.name = `the ${which === tree.system ? 'system tree' : 'tree'}'s ${isRoot ? 'root ' : ''}node at ${describe(address, image)}`;
    const strange = transform !== 0 && !transforms(image.superblock);
    const beyond = address < 1 || address >= endOfAddresses;
    if (pointer.pages !== pages || beyond || strange || leavesSegment(address, pages, image.superblock)) {
      this.findings.add('node-pointer', `the pointer to ${frame.name} is not sane (${pointer.pages} pages)`);
      return false;
    }
    if (birth > newest) {
      frame.flawed = true;
      this.findings.add('birth', `${frame.name} was born in generation ${birth}, what points to it in ${newest}`);
    }
    if (this.kept && (birth <= this.kept.floor || image.nodes.has(image.locate(address, this.follows)))) return false;
    // A node whose pages an extent points to as well is still a node; but none is entered twice.
    const claimed = claimPages(image, address, pages, frame.name, this.follows, this.findings);
    if (claimed === 'nowhere' || !this.isNew(address, pages)) return false;
    this.nodes++;
    if (!(await image.readPages(address, pages, frame.bytes, this.follows))) return false;
    if (!checkNode(frame, expected, this.findings)) return false;
    return this.damaged === undefined || frame.level === 0 || this.leadsRight(frame);
  }

  /** Whether all keys of an inner node are right. */
  private leadsRight(frame: NodeFrame): boolean {
    for (let i = 0; i < frame.count; i++) if (!checkKey(frame, i, this.findings)) return false;
    return true;
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
    this.frames[depth] ??= new NodeFrame(this.image.geometry);
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
