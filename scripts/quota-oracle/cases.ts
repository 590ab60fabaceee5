/** Cases drawn from a seed: limits, then steps of their holder and of root. */
import { below, chance, type Random } from '../../fs/store/random.js';
import type { Limits } from './rules.js';

export type Step =
  | { readonly what: 'limit'; readonly space: Limits; readonly inodes: Limits }
  | { readonly what: 'create' | 'remove' | 'give'; readonly file: string; readonly byRoot: boolean }
  | {
      readonly what: 'write';
      readonly file: string;
      readonly first: number;
      readonly count: number;
      readonly byRoot: boolean;
    }
  | { readonly what: 'truncate'; readonly file: string; readonly size: number }
  | { readonly what: 'expire' };

const none: Limits = { soft: 0, hard: 0 };

function limits(random: Random, most: number): Limits {
  const hard = chance(random, 0.8) ? 2 + below(random, most) : 0;
  const soft = chance(random, 0.6) ? 1 + below(random, hard === 0 ? most : hard) : 0;
  return { soft, hard };
}

/** The steps of a case: limits of space, or of inodes, or of both, and two dozen steps around them. */
export function drawCase(random: Random): Step[] {
  const ofSpace = chance(random, 0.7);
  const ofInodes = !ofSpace || chance(random, 0.4);
  const setting = (): Step => ({
    what: 'limit',
    space: ofSpace ? limits(random, 14) : none,
    inodes: ofInodes ? limits(random, 3) : none,
  });
  const steps: Step[] = [setting()];
  for (const file of ['f0', 'f1']) steps.push({ what: 'create', file, byRoot: false });
  const count = 16 + below(random, 16);
  while (steps.length < count) {
    const file = `f${below(random, 4)}`;
    const byRoot = chance(random, 0.12);
    const kind = below(random, 12);
    if (kind < 3) steps.push({ what: 'create', file, byRoot });
    else if (kind < 8)
      steps.push({ what: 'write', file, first: below(random, 6), count: 1 + below(random, 10), byRoot });
    else if (kind === 8) steps.push({ what: 'truncate', file, size: below(random, 8) });
    else if (kind === 9) steps.push({ what: chance(random, 0.7) ? 'remove' : 'give', file, byRoot: true });
    else if (kind === 10) steps.push({ what: 'expire' });
    else steps.push(setting());
  }
  return steps;
}
