/**
 * Sizes as filebench draws them: from a gamma distribution, given by its mean and its shape. A shape of 1.5 gives many
 * small files, few large ones, and none of size 0.
 *
 * Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (3), 2000: the cube of a scaled
 * normal variate, accepted with a probability that makes it exact.
 */
import type { Random } from '../../fs/store/random.js';

/** A size in bytes: a fixed one, or drawn with this mean and shape (at least 1). */
export type Size = number | { readonly mean: number; readonly shape: number };

/** The mean of what is drawn, in bytes. */
export const meanOf = (size: Size): number => (typeof size === 'number' ? size : size.mean);

/** A size in bytes, at least 1; larger than 16 times the mean is cut to that. */
export function drawSize(random: Random, size: Size): number {
  if (typeof size === 'number') return size;
  const drawn = Math.round((gamma(random, size.shape) * size.mean) / size.shape);
  return Math.min(Math.max(drawn, 1), 16 * size.mean);
}

/** A gamma variate of the shape (at least 1) and scale 1. */
export function gamma(random: Random, shape: number): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Box and Muller. */
const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
