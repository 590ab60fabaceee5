/**
 * A walk through a tree that others go on changing: leaf by leaf in key order, each step a descent of its own from
 * the root that the tree has by then. Every node on disk that it passes is read (from the medium, unless told) and
 * verified; what is dirty has no place on disk and is taken from memory. Serves the scrub and the report of
 * fragmentation.
 *
 * Invariants
 * 1. The node cache is left as it is: nodes are read into buffers of the walk, one a level. An address never gets
 *    other bytes, so a buffer stays right as long as its address is asked for.
 * 2. A key is passed once. What is put behind the cursor meanwhile is newer than the walk.
 * 3. A node is called bad only if it failed twice, while the tree referred to it and it lay where it lay.
 * 4. What was born at or before the `floor` is passed over, with all below it.
 */
import { CorruptionError, FsError } from '../errors.js';
import { checksum } from '../format/checksum.js';
import { nodeBytes, placeOffset } from '../format/geometry.js';
import type { Pointer } from '../format/pointer.js';
import { sealRoom } from '../format/seal.js';
import { openNode } from '../format/tree-node.js';
import type { Readable } from '../store/store.js';
import { run } from '../suspend.js';
import { words } from '../tree/key.js';
import { firstVirtual, Node } from '../tree/node.js';
import type { Tree } from '../tree/tree.js';
import { type Address, type Generation, type ImageOffset, pageSize } from '../units.js';
import type { VolumeState } from '../volume/state.js';

/** What the walk meets on its way. */
export interface SweepEvents {
  /** So many bytes of a node were read. */
  read(bytes: number): Promise<void>;
  /** A node verified. */
  good(): void;
  /** `key`: one that leads to the node; it stays as it is until this is done. */
  bad(pointer: Pointer, problem: string, offset: ImageOffset | undefined, key: Uint32Array): void | Promise<void>;
}

interface Frame {
  address: Address;
  readonly node: Node;
}

export interface SweepChoices {
  /** Where nodes are read. */
  readonly from?: Readable;
  /** Generation. */
  readonly floor?: Generation;
}

/** The next node of a descent is not at hand. */
interface Missing {
  readonly pointer: Pointer;
  readonly level: number;
}

export class TreeSweep {
  private readonly frames: Frame[] = [];
  /** The walk goes on at this key. */
  private readonly cursor = new Uint32Array(4);
  /** Where the leaf, or the node that is missing, ends; meaningful if `bounded`. */
  private readonly upper = new Uint32Array(4);
  private bounded = false;
  private ended = false;
  /** Of the leaf that the last descent came to. */
  private leafAddress: Address = 0;

  private readonly from: Readable;
  private readonly floor: Generation;

  constructor(
    private readonly state: VolumeState,
    private readonly tree: Tree,
    private readonly events: SweepEvents,
    { from = mediumOf(state), floor = 0 }: SweepChoices = {},
  ) {
    this.from = from;
    this.floor = floor;
  }

  /**
   * Visit the next leaf: `visit` may look at it until it returns. False when there are no more. A node that is
   * damaged is left out with all below it, unless memory still has it. `address`: at or above `firstVirtual` for a
   * leaf that is dirty.
   */
  async step(visit: (leaf: Node, address: Address) => void): Promise<boolean> {
    while (!this.ended) {
      const found = this.descend();
      if (found === undefined) {
        this.advance();
        continue;
      }
      if (found instanceof Node) {
        visit(found, this.leafAddress);
        this.advance();
        return true;
      }
      if (!(await this.fetch(found))) this.advance();
    }
    return false;
  }

  private advance(): void {
    if (this.bounded) this.cursor.set(this.upper);
    else this.ended = true;
  }

  /** To the leaf in whose range the cursor lies, as far as its nodes are at hand. Undefined: it is passed over. */
  private descend(): Node | Missing | undefined {
    this.bounded = false;
    words.set(this.cursor);
    let pointer = this.tree.root;
    for (let level = this.tree.height - 1; ; level--) {
      if (pointer.birth <= this.floor && pointer.address < firstVirtual) return undefined;
      const node = this.at(pointer.address, level);
      if (node === undefined) return { pointer, level };
      if (level === 0) {
        this.leafAddress = pointer.address;
        return node;
      }
      const index = node.childIndex();
      if (index + 1 < node.count) {
        for (let i = 0; i < 4; i++) this.upper[i] = node.keyWord(index + 1, i);
        this.bounded = true;
      }
      pointer = node.pointer(index);
    }
  }

  private at(address: Address, level: number): Node | undefined {
    if (address >= firstVirtual) return this.state.cache.peek(address);
    const frame = this.frames[level];
    return frame?.address === address ? frame.node : undefined;
  }

  /** Whether a descent from the root still comes to that node. */
  private isCurrent(missing: Missing): boolean {
    const found = this.descend();
    if (found === undefined || found instanceof Node) return false;
    return found.level === missing.level && found.pointer.address === missing.pointer.address;
  }

  /** Bring in a node and verify it. False if it can't be used; true also when it is no longer asked for. */
  private async fetch(missing: Missing): Promise<boolean> {
    const { pointer, level } = missing;
    let problem = '';
    let lay = -1;
    for (let attempt = 0; attempt < 2; ) {
      this.frames[level] ??= { address: 0, node: this.blank() };
      const frame = this.frames[level];
      frame.address = 0;
      const { located, failure } = await this.read(pointer, frame.node);
      await this.events.read(frame.node.bytes.length);
      if (!this.isCurrent(missing)) return true;
      problem = failure ?? this.problem(pointer, level, frame.node) ?? '';
      if (problem === '') {
        frame.address = pointer.address;
        this.events.good();
        return true;
      }
      // Moved while it was read: that was no attempt.
      lay = await run(() => this.state.log.where(pointer.address));
      if (located === lay) attempt++;
    }
    if (!this.isCurrent(missing)) return true;
    await this.events.bad(pointer, problem, offsetOf(this.state, lay), this.cursor);
    return this.fromMemory(pointer, level);
  }

  /** Where it lay when it was read, and why that failed. */
  private async read(pointer: Pointer, node: Node): Promise<{ located: number; failure?: string }> {
    const { log } = this.state;
    if (pointer.pages * pageSize !== node.bytes.length)
      return { located: -1, failure: `its pointer says ${pointer.pages} pages` };
    const located = await run(() => log.where(pointer.address));
    try {
      await run(() => log.read(pointer.address, pointer.pages, node.bytes, this.from));
      return { located };
    } catch (e) {
      if (e instanceof FsError) return { located, failure: e.message };
      throw e;
    }
  }

  private blank(): Node {
    const { geometry } = this.state;
    return new Node(nodeBytes(geometry), sealRoom(geometry.sealer));
  }

  private problem(pointer: Pointer, level: number, node: Node): string | undefined {
    const found = checksum(node.bytes);
    if (found !== pointer.checksum) return `CRC32C ${hex(found)} instead of ${hex(pointer.checksum)}`;
    const { sealer } = this.state.geometry;
    if (sealer !== undefined && !openNode(sealer, pointer.address, node.bytes)) return 'it is not authentic';
    const wrong = node.problem(level, this.tree.id, this.state.log.generation);
    if (wrong !== undefined) return wrong;
    return node.birth === pointer.birth ? undefined : `birth ${node.birth}, its pointer says ${pointer.birth}`;
  }

  /** The node as memory still has it. */
  private fromMemory(pointer: Pointer, level: number): boolean {
    const kept = this.state.cache.peek(pointer.address);
    if (kept === undefined) return false;
    const frame = this.frames[level];
    frame.node.copyFrom(kept);
    frame.address = pointer.address;
    return true;
  }
}

/** Where a scrub reads: past the host's memory if that is possible. */
export const mediumOf = ({ store }: VolumeState): Readable => store.medium ?? store;

/** Byte of the image of a page as `Log.where` names it; undefined: it lies nowhere. */
export function offsetOf({ geometry, log }: VolumeState, located: number): ImageOffset | undefined {
  if (located < 0) return undefined;
  return placeOffset(geometry, Math.floor(located / log.perSegment), located % log.perSegment);
}

export const hex = (sum: number): string => sum.toString(16).padStart(8, '0');

/** Damage to a node, as the volume is told of it. */
export const nodeDamage = (pointer: Pointer, problem: string): CorruptionError =>
  new CorruptionError('node', `address ${pointer.address}`, problem);
