/**
 * Places that may be written, as a stack: those that were given back last are taken first. What was never written is at the
 * bottom as two numbers, of a new volume that is all: listed one by one, a quarter of a million places would be the work of
 * each mount.
 *
 * Invariant
 * 1. From bottom to top: `below`, the places before `end` down to `from`, `above`. Each place is there once.
 */
import type { Place } from '../units.js';

export class FreePlaces {
  private below: Place[] = [];
  private from: Place = 0;
  private end: Place = 0;
  private above: Place[] = [];

  get length(): number {
    return this.below.length + (this.end - this.from) + this.above.length;
  }

  /** Nothing but the places from `from` up to, not including, `end`; the first one on top. */
  reset(from: Place, end: Place): void {
    this.below = [];
    this.above = [];
    this.from = from;
    this.end = end;
  }

  push(place: Place): void {
    this.above.push(place);
  }

  pop(): Place | undefined {
    return this.above.pop() ?? (this.from < this.end ? this.from++ : this.below.pop());
  }

  /** From bottom to top. */
  all(): Place[] {
    return [...this.below, ...this.down(this.from, this.end), ...this.above];
  }

  /** Take up to so many from the bottom. */
  takeLowest(most: number): Place[] {
    const taken = this.below.splice(0, most);
    const fresh = Math.min(most - taken.length, this.end - this.from);
    taken.push(...this.down(this.end - fresh, this.end));
    this.end -= fresh;
    return taken.concat(this.above.splice(0, most - taken.length));
  }

  /** Put under all others, the first one lowest. */
  putLowest(places: readonly Place[]): void {
    this.below = [...places, ...this.below];
  }

  /** Take this one, if it is there. */
  remove(place: Place): void {
    if (place >= this.from && place < this.end) {
      this.above = [...this.down(this.from, place), ...this.above];
      this.from = place + 1;
      return;
    }
    for (const list of [this.above, this.below]) {
      const at = list.indexOf(place);
      if (at >= 0) list.splice(at, 1);
    }
  }

  private down(from: Place, end: Place): Place[] {
    return Array.from({ length: end - from }, (_, i) => end - 1 - i);
  }
}
