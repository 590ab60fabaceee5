/**
 * Random numbers from a seed, so that whatever a simulated disk or a test did can be done again.
 */

/** A number in [0, 1). */
export type Random = () => number;

/** mulberry32: 32 bits of state, fine for tests and never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
  };
}

/** An integer from 0 to n - 1. */
export const below = (random: Random, n: number): number => Math.floor(random() * n);

/** True with the probability p. */
export const chance = (random: Random, p: number): boolean => random() < p;
