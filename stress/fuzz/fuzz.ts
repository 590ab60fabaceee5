/** Many damaged images, one after the other: what became of them, and what went wrong. */
import { type Base, judge, prepare } from './judge.js';

/** Kinds of volumes that are damaged. */
const bases = [
  [1, true],
  [2, false],
  [3, true],
  [4, false],
] as const;

export interface Tally {
  images: number;
  readonly kinds: Record<string, number>;
  opened: number;
  repaired: number;
  /** Flipped bits, and those of them that somebody noticed. */
  bits: number;
  detected: number;
  readonly violations: string[];
}

export class Fuzzer {
  readonly tally: Tally = { images: 0, kinds: {}, opened: 0, repaired: 0, bits: 0, detected: 0, violations: [] };

  private constructor(private readonly volumes: readonly Base[]) {}

  static async make(): Promise<Fuzzer> {
    const volumes: Base[] = [];
    for (const [seed, closed] of bases) volumes.push(await prepare(seed, closed));
    return new Fuzzer(volumes);
  }

  /** One image; its seed says all about it. */
  async try(seed: number): Promise<void> {
    const { tally } = this;
    tally.images++;
    try {
      const { damage, opened, repaired, detected } = await judge(this.volumes[seed % this.volumes.length], seed);
      tally.kinds[damage.kind] = (tally.kinds[damage.kind] ?? 0) + 1;
      if (opened) tally.opened++;
      if (repaired) tally.repaired++;
      if (damage.kind !== 'bit') return;
      tally.bits++;
      if (detected) tally.detected++;
    } catch (e) {
      tally.violations.push(e instanceof Error ? e.message : String(e));
    }
  }
}
