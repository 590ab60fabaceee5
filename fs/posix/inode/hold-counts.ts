/**
 * How often each inode is held, by its number. A kernel may remember tens of millions of inodes, which a Map bears badly: 43
 * bytes each on V8's heap, 1.8 s in one go when the eight millionth comes, and an error at 2^24 (Node 20, 2026).
 *
 * Numbers that follow each other are mostly held together, so eight of them share a row of a hash table (open addressing,
 * linear probing; Knuth, "The Art of Computer Programming" 3, 6.4), 24 bytes. The rows lie in 256 tables, each of which grows
 * and shrinks by itself: no step handles more than a 256th of all.
 *
 * Invariants
 * 1. A row exists while one of its counts is above 0. Between the place that its hash says and its own, no place is free.
 * 2. `many` has the whole count of those whose place in the row says `crowded`, and no others.
 */
import { randomInt } from 'node:crypto';
import type { InodeNumber } from '../../units.js';

const perRow = 8;
const crowded = 0xffff;
const leastPlaces = 8;
/** Others in each process: an image could number its inodes so that all their rows begin in one place. */
const [saltOfHigh, salt] = [randomInt(2 ** 31) * 2 + 1, randomInt(2 ** 31) * 2 + 1];

export class HoldCounts {
  /** Inodes that are held. */
  size = 0;
  /** By the first 8 bits of a row's hash. */
  private readonly tables: Rows[] = [];
  private readonly many = new Map<InodeNumber, number>();

  /** Memory of the tables. */
  get bytes(): number {
    return this.tables.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  has(number: InodeNumber): boolean {
    const row = Math.floor(number / perRow);
    const hash = hashOf(row);
    const table = this.tables[hash >>> 24];
    if (table === undefined) return false;
    const place = table.find(row, hash);
    return place >= 0 && table.counts[place * perRow + (number % perRow)] > 0;
  }

  add(number: InodeNumber): void {
    const row = Math.floor(number / perRow);
    const hash = hashOf(row);
    this.tables[hash >>> 24] ??= new Rows();
    const table = this.tables[hash >>> 24];
    const at = table.findOrMake(row, hash) * perRow + (number % perRow);
    const count = table.counts[at];
    if (count === 0) this.size++;
    if (count < crowded - 1) table.counts[at] = count + 1;
    else {
      table.counts[at] = crowded;
      this.many.set(number, (this.many.get(number) ?? count) + 1);
    }
  }

  /** Take away so many, or all that there are. Returns what is left. */
  subtract(number: InodeNumber, by: number): number {
    const row = Math.floor(number / perRow);
    const hash = hashOf(row);
    const table = this.tables[hash >>> 24];
    const place = table === undefined ? -1 : table.find(row, hash);
    if (place < 0) return 0;
    const at = place * perRow + (number % perRow);
    const count = this.many.get(number) ?? table.counts[at];
    if (count === 0) return 0;
    const left = Math.max(0, count - by);
    if (left >= crowded) this.many.set(number, left);
    else {
      this.many.delete(number);
      table.counts[at] = left;
    }
    if (left > 0) return left;
    this.size--;
    table.tidy(place);
    return 0;
  }
}

/** 32 bits of which all depend on all of the number's. */
function hashOf(row: number): number {
  const mixed = Math.imul((row | 0) ^ Math.imul((row / 2 ** 32) | 0, saltOfHigh), salt);
  const more = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return (more ^ (more >>> 16)) >>> 0;
}

class Rows {
  /** Number of the row in each place, and 1; 0: the place is free. */
  private keys = new Float64Array(leastPlaces);
  counts = new Uint16Array(leastPlaces * perRow);
  private used = 0;

  get bytes(): number {
    return this.keys.byteLength + this.counts.byteLength;
  }

  /** Its place, or -1. */
  find(row: number, hash: number): number {
    const { keys } = this;
    const mask = keys.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      if (keys[place] === row + 1) return place;
      if (keys[place] === 0) return -1;
    }
  }

  findOrMake(row: number, hash: number): number {
    const known = this.find(row, hash);
    if (known >= 0) return known;
    if ((this.used + 1) * 8 > this.keys.length * 7) this.resize(this.keys.length * 2);
    this.used++;
    return this.enter(row, hash);
  }

  /** The row in this place may be one without holds. */
  tidy(place: number): void {
    const first = place * perRow;
    for (let i = first; i < first + perRow; i++) if (this.counts[i] > 0) return;
    this.used--;
    this.close(place);
    if (this.keys.length > leastPlaces && this.used * 8 < this.keys.length) this.resize(this.keys.length / 2);
  }

  private enter(row: number, hash: number): number {
    const mask = this.keys.length - 1;
    let place = hash & mask;
    while (this.keys[place] !== 0) place = (place + 1) & mask;
    this.keys[place] = row + 1;
    return place;
  }

  /** Free the place; rows that were put behind it because it was taken move up. */
  private close(gap: number): void {
    const { keys, counts } = this;
    const mask = keys.length - 1;
    for (let place = (gap + 1) & mask; keys[place] !== 0; place = (place + 1) & mask) {
      const wanted = hashOf(keys[place] - 1) & mask;
      if (((place - wanted) & mask) < ((place - gap) & mask)) continue;
      keys[gap] = keys[place];
      counts.copyWithin(gap * perRow, place * perRow, (place + 1) * perRow);
      gap = place;
    }
    keys[gap] = 0;
    counts.fill(0, gap * perRow, (gap + 1) * perRow);
  }

  private resize(places: number): void {
    const { keys, counts } = this;
    this.keys = new Float64Array(places);
    this.counts = new Uint16Array(places * perRow);
    for (let from = 0; from < keys.length; from++) {
      if (keys[from] === 0) continue;
      const to = this.enter(keys[from] - 1, hashOf(keys[from] - 1));
      for (let i = 0; i < perRow; i++) this.counts[to * perRow + i] = counts[from * perRow + i];
    }
  }
}
