/** Chains of transforms of a volume in memory: each that is asked for is there at once. */
import { Chains } from '../../fs/transform/chain.js';
import { Registry } from '../../fs/transform/registry.js';
import type { TransformChoice } from '../../fs/volume/api.js';

const registry = await new Registry().ready();

/** `compression`: for all files, such as `lz4`. */
export function transformsOf(compression: string | undefined): TransformChoice {
  const chains = new Chains(new Uint8Array(16 * 24), registry);
  const entered = (text: string) => chains.find(text) ?? chains.add(chains.next(text));
  const usual = compression === undefined ? 0 : entered(compression).number;
  return { chains, usual, flagged: usual, demand: async (text) => entered(text) };
}
