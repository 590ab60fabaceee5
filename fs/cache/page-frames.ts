/**
 * Memory for pages of files that have no address yet, in frames of 4 KiB. Serves the filesystem layer, which
 * copies what is written into frames, and the log, which writes them out from there without another copy.
 *
 * A frame is a number; frames lie in slabs of 4 MiB that are made when first needed and then kept. Pages written
 * one after another get frames one after another, so that a flush hands the log few large pieces.
 *
 * Invariants
 * 1. A frame has one owner from `allocate` to `release`: a page of a file, or a write to the log under way.
 * 2. At most `limit` frames exist. Whoever finds none waits for `whenReleased` and asks again.
 */
import { pageShift, pageSize } from '../units.js';

export type Frame = number;

const slabShift = 10;
const slabFrames = 1 << slabShift;
const slabMask = slabFrames - 1;

export class PageFrames {
  /** Most frames. */
  readonly limit: number;
  /** After `allocate`: how many frames in a row it gave. */
  run = 0;

  private readonly slabs: Uint8Array[] = [];
  private readonly taken: Uint8Array;
  /** Views of single frames, made when first asked for. */
  private readonly views: (Uint8Array | undefined)[] = [];
  private count = 0;
  private cursor = 0;
  private waiting: (() => void) | undefined;
  private released: Promise<void> | undefined;

  /** `bytes`: the budget; at least one slab. */
  constructor(bytes: number) {
    this.limit = Math.max(1, Math.floor(bytes / pageSize / slabFrames)) * slabFrames;
    this.taken = new Uint8Array(this.limit);
  }

  get used(): number {
    return this.count;
  }

  get free(): number {
    return this.limit - this.count;
  }

  /**
   * Take up to `want` frames in a row (`run` says how many, at least 1) and return the first. Their contents are
   * undefined. The caller has made sure that one is free.
   */
  allocate(want: number): Frame {
    const made = this.slabs.length << slabShift;
    if (this.count === made) this.cursor = this.grow();
    const end = this.slabs.length << slabShift;
    const taken = this.taken;
    let frame = this.cursor;
    if (frame >= end) frame = 0;
    while (taken[frame] === 1) {
      frame++;
      if (frame === end) frame = 0;
    }
    const stop = Math.min(frame + want, (frame | slabMask) + 1);
    let next = frame;
    while (next < stop && taken[next] === 0) taken[next++] = 1;
    this.run = next - frame;
    this.count += this.run;
    this.cursor = next;
    return frame;
  }

  release(frame: Frame, frames = 1): void {
    this.taken.fill(0, frame, frame + frames);
    this.count -= frames;
    // What was used last is still in the processor's cache.
    if (this.count === 0) this.cursor = 0;
    if (this.waiting) {
      this.waiting();
      this.waiting = undefined;
      this.released = undefined;
    }
  }

  /** Resolves when frames were released. */
  whenReleased(): Promise<void> {
    this.released ??= new Promise((resolve) => {
      this.waiting = resolve;
    });
    return this.released;
  }

  /** The bytes of one frame. */
  view(frame: Frame): Uint8Array {
    const known = this.views[frame];
    if (known) return known;
    const made = this.slice(frame, 1);
    this.views[frame] = made;
    return made;
  }

  /** Whether the frames lie in the same piece of memory. */
  sameSlab(a: Frame, b: Frame): boolean {
    return a >> slabShift === b >> slabShift;
  }

  /** The bytes of `frames` frames in a row, as one piece. */
  slice(frame: Frame, frames: number): Uint8Array {
    const at = (frame & slabMask) << pageShift;
    return this.slabs[frame >> slabShift].subarray(at, at + (frames << pageShift));
  }

  private grow(): Frame {
    const first = this.slabs.length << slabShift;
    if (first >= this.limit) throw new RangeError('no frame is free');
    this.slabs.push(new Uint8Array(new ArrayBuffer(slabFrames << pageShift)));
    for (let i = 0; i < slabFrames; i++) this.views.push(undefined);
    return first;
  }
}
