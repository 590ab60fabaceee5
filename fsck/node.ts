/**
 * Reading one tree node and judging it: is it what its pointer says, does all of it lie within it, are its keys in
 * order and in range. A node that fails in its frame is not used at all; a bad key only loses that slot.
 */
import { checksum } from '../fs/format/checksum.js';
import { type Geometry, nodeBytes } from '../fs/format/geometry.js';
import { Pointer } from '../fs/format/pointer.js';
import { type Sealer, sealRoom } from '../fs/format/seal.js';
import { readU64 } from '../fs/format/struct.js';
import { NodeHeader, NodeSlot, nodeMagic, openNode } from '../fs/format/tree-node.js';
import type { Address, Generation, InodeNumber } from '../fs/units.js';
import type { Findings } from './problem.js';

export const slotBytes = NodeSlot.size;
/** No log gets as far as this; in memory such addresses name nodes that are not written yet. */
export const endOfAddresses = 2 ** 52;
const slot = NodeSlot.offsetOf;
const header = NodeHeader.offsetOf;

/** A node under the checker's eye: its bytes and where in the tree it is. One per level; they are used again. */
export class NodeFrame {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  level = 0;
  count = 0;
  birth: Generation = 0;
  /** Slot that is looked at next. */
  at = 0;
  /** The pointer that led here. */
  from: Pointer | undefined;
  /** It can be read, but must be written anew. */
  flawed = false;
  /** Words for messages. */
  name = '';
  /** Keys of the node are at or after `low`, and before `high` if there is one: four words each. */
  readonly low = new Uint32Array(4);
  readonly high = new Uint32Array(4);
  hasHigh = false;

  /** Bytes for header, slots and values: without the seal of an encrypted volume. */
  readonly size: number;
  readonly brand: number;
  private readonly sealer: Sealer | undefined;

  constructor(geometry: Geometry) {
    this.brand = geometry.brand;
    this.sealer = geometry.sealer;
    this.bytes = new Uint8Array(nodeBytes(geometry));
    this.size = this.bytes.length - sealRoom(this.sealer);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Decrypt what was read from `address`, if that is to be done. False: it is not authentic. */
  open(address: Address): boolean {
    return this.sealer === undefined || openNode(this.sealer, address, this.bytes);
  }

  inode(index: number): InodeNumber {
    const base = NodeHeader.size + index * slotBytes;
    return this.view.getUint32(base, true) * 0x10000 + this.view.getUint16(base + slot.inodeLowAndKind + 2, true);
  }

  kind(index: number): number {
    return this.view.getUint16(NodeHeader.size + index * slotBytes + slot.inodeLowAndKind, true);
  }

  offset(index: number): number {
    const base = NodeHeader.size + index * slotBytes;
    return (
      this.view.getUint32(base + slot.offsetHigh, true) * 0x100000000 + this.view.getUint32(base + slot.offsetLow, true)
    );
  }

  valueStart(index: number): number {
    return this.view.getUint16(NodeHeader.size + index * slotBytes + slot.value, true);
  }

  valueLength(index: number): number {
    return this.view.getUint16(NodeHeader.size + index * slotBytes + slot.length, true);
  }

  /** The bytes of a value; they are used again for the next node. */
  value(index: number): Uint8Array {
    const start = this.valueStart(index);
    return this.bytes.subarray(start, start + this.valueLength(index));
  }

  keyWord(index: number, word: number): number {
    return this.view.getUint32(NodeHeader.size + index * slotBytes + word * 4, true);
  }

  pointer(index: number): Pointer {
    return Pointer.read(this.view, this.valueStart(index));
  }

  /** Key of a slot against four words: negative, 0 or positive. */
  compare(index: number, words: Uint32Array): number {
    for (let i = 0; i < 4; i++) {
      const word = this.keyWord(index, i);
      if (word !== words[i]) return word < words[i] ? -1 : 1;
    }
    return 0;
  }

  /** Key of a slot against that of the slot before it. */
  ascends(index: number): boolean {
    for (let i = 0; i < 4; i++) {
      const before = this.keyWord(index - 1, i);
      const word = this.keyWord(index, i);
      if (word !== before) return word > before;
    }
    return false;
  }

  key(index: number): string {
    return `(${this.inode(index)}, ${this.kind(index)}, ${this.offset(index)})`;
  }
}

/** What a node must be, from the pointer to it and the node that holds that. */
export interface Expected {
  readonly pointer: Pointer;
  readonly tree: number;
  readonly level: number;
  readonly isRoot: boolean;
}

/** Judge the node that was read into `frame`. False if it can't be used. */
export function checkNode(frame: NodeFrame, expected: Expected, findings: Findings): boolean {
  const { view, name } = frame;
  const wrong = identity(frame, expected);
  if (wrong) {
    findings.add('node-checksum', `${name} ${wrong}`);
    return false;
  }
  frame.birth = readU64(view, header.birth);
  frame.level = expected.level;
  frame.count = view.getUint16(header.count, true);
  frame.at = 0;
  if (frame.birth !== expected.pointer.birth) {
    frame.flawed = true;
    findings.add('birth', `${name} was born in generation ${frame.birth}, its pointer says ${expected.pointer.birth}`);
  }
  const layout = layoutProblem(frame, expected.isRoot);
  if (layout) {
    findings.add('node-layout', `${name} ${layout}`);
    return false;
  }
  if (valuesOverlap(frame)) {
    // Each can still be read; in a copy they have bytes of their own.
    frame.flawed = true;
    findings.add('node-layout', `${name} has values that overlap`);
  }
  return true;
}

function valuesOverlap(frame: NodeFrame): boolean {
  const { count } = frame;
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = frame.valueStart(i) * 0x10000 + frame.valueLength(i);
  order.sort();
  let end = 0;
  for (const one of order) {
    const length = one & 0xffff;
    if (length > 0 && one >>> 16 < end) return true;
    end = Math.max(end, (one >>> 16) + length);
  }
  return false;
}

function identity(frame: NodeFrame, { pointer, tree, level }: Expected): string | undefined {
  const { bytes, view } = frame;
  if (checksum(bytes) !== pointer.checksum) return 'fails its checksum';
  if (!frame.open(pointer.address)) return 'is not authentic';
  if (view.getUint32(header.magic, true) !== nodeMagic) return 'is not a node (wrong magic)';
  if (readU64(view, header.brand) !== frame.brand) return 'belongs to another volume';
  if (bytes[header.tree] !== tree) return `belongs to tree ${bytes[header.tree]} instead of ${tree}`;
  if (bytes[header.level] !== level) return `has level ${bytes[header.level]} instead of ${level}`;
  return undefined;
}

function layoutProblem(frame: NodeFrame, isRoot: boolean): string | undefined {
  const { view, count, size } = frame;
  const heap = view.getUint16(header.heap, true);
  if (NodeHeader.size + count * slotBytes > heap || heap > size) return 'has slots and values that overlap';
  if (count === 0 && (frame.level > 0 || !isRoot)) return 'is empty';
  let used = 0;
  for (let i = 0; i < count; i++) {
    const start = frame.valueStart(i);
    const length = frame.valueLength(i);
    used += length;
    if (length > 0 && (start < heap || start + length > size)) return `has a value outside its heap (slot ${i})`;
    if (frame.level > 0 && length !== Pointer.size) return `has a child without a pointer (slot ${i})`;
    if (frame.level > 0 && readU64(view, start) >= endOfAddresses) return `has a child beyond the log (slot ${i})`;
  }
  const garbage = view.getUint16(header.garbage, true);
  if (used + garbage !== size - heap) return `counts ${garbage} bytes of garbage instead of ${size - heap - used}`;
  return undefined;
}

/** Whether the key of a slot is a key, after the one before it, and in the node's range; says so if not. */
export function checkKey(frame: NodeFrame, index: number, findings: Findings): boolean {
  if (index > 0 && !frame.ascends(index)) {
    findings.add('key-order', `${frame.name} has key ${frame.key(index)} after ${frame.key(index - 1)}`);
    return false;
  }
  // The first key of an inner node counts as lower than all.
  const low = frame.level > 0 && index === 0 ? 0 : frame.compare(index, frame.low);
  if (low < 0 || (frame.hasHigh && frame.compare(index, frame.high) >= 0)) {
    findings.add('key-range', `${frame.name} has key ${frame.key(index)} outside the range that its parent gives it`);
    return false;
  }
  // Kinds are 1 to 255. Keys that lead to children are copies of those of items that may be gone.
  const kind = frame.keyWord(index, 1) & 0xffff;
  const unkind = frame.level === 0 && (kind < 1 || kind > 255);
  if (unkind || frame.keyWord(index, 2) >= 0x200000) {
    findings.add('key-order', `${frame.name} has the impossible key ${frame.key(index)}`);
    return false;
  }
  return true;
}
