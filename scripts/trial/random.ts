/** Numbers that look random and repeat with their seed (mulberry32), and bytes made from such a number. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.next() % limit;
  }

  /** A fraction from 0 to below 1. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }
}

/** `length` bytes that only `seed` decides; no two seeds share a page. */
export function patternBytes(seed: number, length: number): Buffer {
  const random = new SeededRandom(seed);
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = random.next();
  return Buffer.from(words.buffer, 0, length);
}
