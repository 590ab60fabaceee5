/**
 * A tree node in memory: the very bytes that lie on disk, with slots in key order after the header and values
 * growing down from the end. Searching compares 32-bit words; inserting moves slots with copyWithin (65 ns for
 * 2 KB, Node 20, 2026). No object is made per item.
 *
 * Invariants
 * 1. Slots are in strictly ascending key order.
 * 2. Slots and values do not overlap: header + 20 * count <= heap.
 * 3. `garbage` counts the heap's bytes that no slot refers to; no two slots refer to the same.
 */
import { Pointer } from '../format/pointer.js';
import { readU64, writeU64 } from '../format/struct.js';
import { NodeHeader, NodeSlot, nodeMagic } from '../format/tree-node.js';
import { type Address, type Generation, pageSize, wideZero } from '../units.js';
import { words } from './key.js';

/** Addresses from here on name dirty nodes, which have no place in the log yet. */
export const firstVirtual = 2 ** 52;

export const headerBytes = NodeHeader.size;
export const slotBytes = NodeSlot.size;
const headerWords = headerBytes / 4;
const slotWords = slotBytes / 4;
const at = NodeHeader.offsetOf;
const pointerAt = Pointer.offsetOf;

export class Node {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private readonly u32: Uint32Array;
  /** Under what the cache knows it: its address in the log, or a number from `firstVirtual` on while it is dirty. */
  address: Address = wideZero;
  /** It belongs to the open generation and may be changed. */
  dirty = false;
  /** Used since the eviction's hand passed. */
  used = true;

  /** Bytes for header, slots and values: `stored` without `reserve`, which the seal of an encrypted volume takes. */
  readonly size: number;

  constructor(stored: number, reserve = 0) {
    this.size = stored - reserve;
    const buffer = new ArrayBuffer(stored);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** Make it an empty node. */
  clear(level: number, tree: number, root: number, birth: Generation): void {
    NodeHeader.write(this.view, 0, {
      magic: nodeMagic,
      count: 0,
      level,
      tree,
      heap: this.size,
      garbage: 0,
      root,
      birth,
      // Whoever writes it to the log puts it in.
      brand: 0,
    });
  }

  get count(): number {
    return this.view.getUint16(at.count, true);
  }
  private set count(n: number) {
    this.view.setUint16(at.count, n, true);
  }
  get level(): number {
    return this.bytes[at.level];
  }
  get birth(): Generation {
    return readU64(this.view, at.birth);
  }
  set birth(generation: Generation) {
    writeU64(this.view, at.birth, generation);
  }
  /** Mark it as the volume's own. */
  set brand(brand: number) {
    writeU64(this.view, at.brand, brand);
  }
  private get heap(): number {
    return this.view.getUint16(at.heap, true);
  }
  private set heap(n: number) {
    this.view.setUint16(at.heap, n, true);
  }
  private get garbage(): number {
    return this.view.getUint16(at.garbage, true);
  }
  private set garbage(n: number) {
    this.view.setUint16(at.garbage, n, true);
  }

  /** Bytes free for slots and values, after tidying up. */
  get free(): number {
    return this.heap - headerBytes - this.count * slotBytes + this.garbage;
  }
  /** Bytes in use by slots and values. */
  get load(): number {
    return this.size - headerBytes - this.free;
  }

  /** Index of the first slot whose key is at or after the one in `words`. */
  lowerBound(): number {
    const { u32 } = this;
    const k0 = words[0];
    const k1 = words[1];
    const k2 = words[2];
    const k3 = words[3];
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const w = headerWords + middle * slotWords;
      const a = u32[w];
      let less: boolean;
      if (a !== k0) less = a < k0;
      else {
        const b = u32[w + 1];
        if (b !== k1) less = b < k1;
        else {
          const c = u32[w + 2];
          less = c !== k2 ? c < k2 : u32[w + 3] < k3;
        }
      }
      if (less) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether the slot has just the key in `words`. */
  matches(index: number): boolean {
    if (index >= this.count) return false;
    const w = headerWords + index * slotWords;
    const { u32 } = this;
    return u32[w] === words[0] && u32[w + 1] === words[1] && u32[w + 2] === words[2] && u32[w + 3] === words[3];
  }

  /** Slot of the child in whose range the key in `words` lies. */
  childIndex(): number {
    const index = this.lowerBound();
    return this.matches(index) || index === 0 ? index : index - 1;
  }

  /** One of the four words of a slot's key. */
  keyWord(index: number, word: number): number {
    return this.u32[headerWords + index * slotWords + word];
  }

  /** Put a slot's key into `words`. */
  loadKey(index: number): void {
    const w = headerWords + index * slotWords;
    for (let i = 0; i < 4; i++) words[i] = this.u32[w + i];
  }

  valueStart(index: number): number {
    return this.u32[headerWords + index * slotWords + 4] & 0xffff;
  }
  valueLength(index: number): number {
    return this.u32[headerWords + index * slotWords + 4] >>> 16;
  }
  value(index: number): Uint8Array {
    const start = this.valueStart(index);
    return this.bytes.subarray(start, start + this.valueLength(index));
  }

  childAddress(index: number): Address {
    return readU64(this.view, this.valueStart(index) + pointerAt.address);
  }
  setChildAddress(index: number, address: Address): void {
    writeU64(this.view, this.valueStart(index) + pointerAt.address, address);
  }
  pointer(index: number): Pointer {
    return Pointer.read(this.view, this.valueStart(index));
  }
  setPointer(index: number, pointer: Pointer): void {
    Pointer.write(this.view, this.valueStart(index), pointer);
  }

  /** Insert the key in `words` with a value at `index`, which is its lower bound. There is room. */
  insert(index: number, value: Uint8Array): void {
    const need = slotBytes + value.length;
    if (this.heap - headerBytes - this.count * slotBytes < need) this.compact();
    const { count } = this;
    const w = headerWords + index * slotWords;
    this.u32.copyWithin(w + slotWords, w, headerWords + count * slotWords);
    const start = this.heap - value.length;
    this.bytes.set(value, start);
    for (let i = 0; i < 4; i++) this.u32[w + i] = words[i];
    this.u32[w + 4] = start + value.length * 0x10000;
    this.heap = start;
    this.count = count + 1;
  }

  /** Give a slot another value. There is room for it beside the old one, or it is no longer. */
  replace(index: number, value: Uint8Array): void {
    const w = headerWords + index * slotWords;
    const length = this.valueLength(index);
    if (value.length <= length) {
      const start = this.valueStart(index);
      this.bytes.set(value, start);
      this.u32[w + 4] = start + value.length * 0x10000;
      this.garbage += length - value.length;
      return;
    }
    this.garbage += length;
    this.u32[w + 4] = 0;
    if (this.heap - headerBytes - this.count * slotBytes < value.length) this.compact();
    const start = this.heap - value.length;
    this.bytes.set(value, start);
    this.u32[w + 4] = start + value.length * 0x10000;
    this.heap = start;
  }

  remove(index: number): void {
    const { count } = this;
    const w = headerWords + index * slotWords;
    this.garbage += this.valueLength(index);
    this.u32.copyWithin(w, w + slotWords, headerWords + count * slotWords);
    this.count = count - 1;
    if (count === 1) {
      this.heap = this.size;
      this.garbage = 0;
    }
  }

  /** Move slots [from, count) to the end of `right`, whose keys are all lower or which is empty. */
  moveTail(from: number, right: Node): void {
    const { count } = this;
    for (let i = from; i < count; i++) {
      this.loadKey(i);
      right.insert(right.count, this.value(i));
    }
    for (let i = from; i < count; i++) this.garbage += this.valueLength(i);
    this.count = from;
    this.compact();
  }

  /** Where to split so that both halves hold about the same number of bytes: 1 to count - 1. */
  middle(): number {
    const half = this.load / 2;
    let sum = 0;
    const { count } = this;
    for (let i = 0; i < count - 1; i++) {
      sum += slotBytes + this.valueLength(i);
      if (sum >= half) return i + 1;
    }
    return count - 1;
  }

  /** Gather the values at the end, in slot order. */
  compact(): void {
    const { count } = this;
    let end = this.size;
    const old = this.bytes.slice(this.heap, this.size);
    const base = this.heap;
    for (let i = 0; i < count; i++) {
      const w = headerWords + i * slotWords + 4;
      const start = this.u32[w] & 0xffff;
      const length = this.u32[w] >>> 16;
      if (length === 0) continue;
      end -= length;
      this.bytes.set(old.subarray(start - base, start - base + length), end);
      this.u32[w] = end + length * 0x10000;
    }
    this.heap = end;
    this.garbage = 0;
  }

  copyFrom(other: Node): void {
    this.bytes.set(other.bytes);
  }

  /** What is wrong with bytes that verified against their checksum, or undefined: a hostile image can still hold anything. */
  problem(level: number, tree: number, maxBirth: Generation): string | undefined {
    if (this.view.getUint32(at.magic, true) !== nodeMagic) return 'is not a node';
    if (this.level !== level) return `level ${this.level}, expected ${level}`;
    if (this.bytes[at.tree] !== tree) return `belongs to tree ${this.bytes[at.tree]}`;
    if (this.birth > maxBirth) return `born in generation ${this.birth}, after ${maxBirth}`;
    const { count, heap } = this;
    const low = headerBytes + count * slotBytes;
    if (low > heap || heap > this.size) return 'slots and values overlap';
    if (level > 0 && count === 0) return 'an inner node without children';
    let used = 0;
    for (let i = 0; i < count; i++) {
      const start = this.valueStart(i);
      const length = this.valueLength(i);
      if (length > 0 && (start < heap || start + length > this.size)) return `value ${i} lies outside`;
      if (level > 0 && length !== Pointer.size) return `child ${i} has no pointer`;
      if (level > 0 && this.childAddress(i) >= firstVirtual) return `child ${i} has no address in the log`;
      used += length;
      if (i > 0 && !this.ascends(i)) return `key ${i} is out of order`;
    }
    if (used + this.garbage !== this.size - heap) return 'garbage is miscounted';
    return this.valuesOverlap() ? 'values overlap' : undefined;
  }

  /** Whether a byte belongs to two values: replacing one would change the other. */
  private valuesOverlap(): boolean {
    const taken = bytesTaken(this.size);
    for (let i = this.count - 1; i >= 0; i--) {
      const start = this.valueStart(i);
      const end = start + this.valueLength(i);
      for (let from = start; from < end; ) {
        const word = from >>> 5;
        const upTo = Math.min(end, (word + 1) * 32);
        const mask = (0xffffffff >>> (32 - (upTo - from))) << (from & 31);
        if ((taken[word] & mask) !== 0) return true;
        taken[word] |= mask;
        from = upTo;
      }
    }
    return false;
  }

  /** Whether the slot's key is greater than the one before it. Leaves `words` alone: a search may be under way. */
  private ascends(index: number): boolean {
    return isAfter(this, index, this, index - 1);
  }

  /** Whether it has keys, and all of them are greater than those of `other`. */
  follows(other: Node): boolean {
    return this.count > 0 && (other.count === 0 || isAfter(this, 0, other, other.count - 1));
  }
}

let takenBits = new Uint32Array(0);

/** A bit for each byte of a node, all 0; it is the same array each time. */
function bytesTaken(size: number): Uint32Array {
  if (takenBits.length * 32 !== size) takenBits = new Uint32Array(size / 32);
  else takenBits.fill(0);
  return takenBits;
}

/** Whether the key of a slot is greater than that of another one. */
function isAfter(node: Node, index: number, other: Node, otherIndex: number): boolean {
  for (let i = 0; i < 4; i++) {
    const word = node.keyWord(index, i);
    const before = other.keyWord(otherIndex, i);
    if (word !== before) return word > before;
  }
  return false;
}

/** The pointer to a dirty node, as its parent holds it until it is written. */
export function virtualPointer({ address, birth, bytes }: Node): Pointer {
  const { length } = bytes;
  return {
    address,
    birth,
    checksum: 0,
    pages: length / pageSize,
    transform: 0,
    flags: 0,
    storedBytes: length,
    plainBytes: length,
  };
}
