/**
 * The rules of transform.ts, tried on a transform: built in or not. Serves `varve transform check`, the tests and the
 * fuzzer. What is found is told in words; a transform that crashes the process or never returns shows by itself.
 */
import { pageSize } from '../units.js';
import { maxUnitBytes, type Transform } from './transform.js';

/** A number in [0, 1). */
type Random = () => number;

const below = (random: Random, n: number): number => Math.floor(random() * n);
/** What surrounds targets and must stay as it is. */
const guard = 0xa5;
const guardBytes = 64;

/** Contents of all sorts: zeros, noise, text, mixtures. */
export function sample(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const kind = below(random, 4);
  if (kind === 0) return bytes;
  for (let at = 0; at < length; ) {
    const run = Math.min(length - at, 1 + below(random, kind === 3 ? 2000 : 40));
    if (kind === 1 || (kind === 3 && random() < 0.5)) {
      for (let i = 0; i < run; i++) bytes[at + i] = below(random, 256);
    } else if (at > 0 && random() < 0.7) {
      const from = below(random, at);
      for (let i = 0; i < run; i++) bytes[at + i] = bytes[from + i];
    } else {
      bytes.fill(below(random, 256), at, at + run);
    }
    at += run;
  }
  return bytes;
}

/** Lengths of units: the ends of the range, whole pages, and anything. */
export function sampleLength(random: Random): number {
  const dice = random();
  if (dice < 0.1) return 1 + below(random, 16);
  if (dice < 0.2) return maxUnitBytes;
  if (dice < 0.6) return pageSize * (1 + below(random, 32));
  return 1 + below(random, maxUnitBytes);
}

/** Memory with guards around a target of `length` bytes. */
class Guarded {
  readonly target: Uint8Array;
  private readonly memory: Uint8Array;

  constructor(length: number, fill: number) {
    this.memory = new Uint8Array(length + 2 * guardBytes).fill(guard);
    this.target = this.memory.subarray(guardBytes, guardBytes + length).fill(fill);
  }

  get whole(): boolean {
    const { memory, target } = this;
    for (let i = 0; i < guardBytes; i++) {
      if (memory[i] !== guard || memory[guardBytes + target.length + i] !== guard) return false;
    }
    return true;
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** One unit there and back. Returns what is wrong, or undefined; `encoded` hears what it became. */
export function roundTrip(
  transform: Transform,
  plain: Uint8Array,
  level: number,
  encoded: (stored: Uint8Array) => void = () => undefined,
): string | undefined {
  const what = `a unit of ${plain.length} bytes at level ${level}`;
  const before = plain.slice();
  const room = new Guarded(plain.length + 1024 + Math.ceil(plain.length / 8), 0);
  const bytes = transform.encode(plain, room.target, level);
  if (!room.whole) return `encode writes outside its target for ${what}`;
  if (!same(plain, before)) return `encode changes ${what}`;
  if (!Number.isInteger(bytes) || bytes < -1 || bytes === 0 || bytes > room.target.length)
    return `encode returns ${bytes} for ${what}`;
  if (bytes < 0) return `encode finds no room for ${what} in a target that is larger by an eighth`;
  const stored = room.target.slice(0, bytes);
  encoded(stored);
  const again = new Guarded(bytes, 0xff);
  if (transform.encode(plain, again.target, level) !== bytes || !same(again.target, stored))
    return `encode makes something else of ${what} when it may use just as many bytes`;
  const short = new Guarded(bytes - 1, 0);
  if (transform.encode(plain, short.target, level) !== -1 || !short.whole)
    return `encode does not return -1 for ${what} when a byte is lacking`;
  for (const fill of [0, 0xff]) {
    const back = new Guarded(plain.length, fill);
    transform.decode(stored, back.target);
    if (!back.whole) return `decode writes outside its target for ${what}`;
    if (!same(back.target, plain)) return `${what} comes back as something else`;
  }
  return undefined;
}

/** What decode makes of hostile bytes. Returns what is wrong, or undefined. */
export function hostile(transform: Transform, stored: Uint8Array, length: number): string | undefined {
  const before = stored.slice();
  const one = decoded(transform, stored, length, 0);
  if (typeof one === 'string') return one;
  if (!same(stored, before)) return 'decode changes what it is given';
  // What it accepts, it must always make the same of: else it shows what the target held before.
  if (one === undefined) return undefined;
  const other = decoded(transform, stored, length, 0xff);
  if (typeof other === 'string') return other;
  if (other === undefined || !same(one, other))
    return `decode leaves a part of ${length} bytes as it was, without an error`;
  return undefined;
}

function decoded(
  transform: Transform,
  stored: Uint8Array,
  length: number,
  fill: number,
): Uint8Array | string | undefined {
  const room = new Guarded(length, fill);
  let failed = false;
  try {
    transform.decode(stored, room.target);
  } catch {
    // Any error is a fair answer.
    failed = true;
  }
  if (!room.whole) return `decode writes outside a target of ${length} bytes`;
  return failed ? undefined : room.target;
}

/** Bytes to try on a decoder: noise, or something right with bytes changed, cut off, repeated or put in. */
export function hostileBytes(random: Random, valid: readonly Uint8Array[]): Uint8Array {
  if (valid.length === 0 || random() < 0.15) {
    return Uint8Array.from({ length: below(random, random() < 0.9 ? 64 : 20_000) }, () => below(random, 256));
  }
  let bytes = valid[below(random, valid.length)].slice();
  for (let changes = 1 + below(random, 4); changes > 0 && bytes.length > 0; changes--) {
    const at = below(random, bytes.length);
    const dice = random();
    if (dice < 0.4) bytes[at] ^= 1 << below(random, 8);
    else if (dice < 0.6) bytes[at] = random() < 0.5 ? 0xff : 0;
    else if (dice < 0.75) bytes = bytes.slice(0, at);
    else if (dice < 0.85) bytes.fill(0xff, at, at + below(random, 300));
    else bytes = Uint8Array.from(Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(random, bytes.length))]));
  }
  return bytes;
}

/** Levels to try: the usual one, and the ends of the range. */
export const levelsOf = ({ levels }: Transform): number[] =>
  levels === undefined ? [0] : [...new Set([levels.usual, levels.least, levels.most])];

/** Try all rules; `rounds` of random units and ten times as many of hostile bytes. Yields what is wrong. */
export function* checkTransform(transform: Transform, random: Random, rounds: number): Generator<string> {
  const valid: { stored: Uint8Array; length: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const plain = round < 3 ? sample(random, [1, pageSize, maxUnitBytes][round]) : sample(random, sampleLength(random));
    for (const level of levelsOf(transform)) {
      const keep = (stored: Uint8Array): void =>
        void (valid.length < 50 && valid.push({ stored, length: plain.length }));
      try {
        const problem = roundTrip(transform, plain, level, keep);
        if (problem !== undefined) yield problem;
      } catch (e) {
        yield `a unit of ${plain.length} bytes fails: ${e instanceof Error ? e.message : String(e)}`;
      }
    }
  }
  for (const { stored, length } of valid) {
    for (const wrong of [length - 1, length + 1]) {
      if (wrong < 1 || wrong > maxUnitBytes) continue;
      if (decoded(transform, stored, wrong, 0) !== undefined)
        yield `decode does not throw where ${length} bytes are to become ${wrong}`;
    }
  }
  const bytes = valid.map(({ stored }) => stored);
  for (let round = 0; round < 10 * rounds; round++) {
    const problem = hostile(transform, hostileBytes(random, bytes), sampleLength(random));
    if (problem !== undefined) yield problem;
  }
}
