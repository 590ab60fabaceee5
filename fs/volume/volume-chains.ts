/**
 * Which chains of transforms a volume has, and which one is usual. They stand in the superblock before anything is
 * stored by them; one that a mount or a property asks for first is entered there.
 *
 * Crash safety: the copy of the superblock is durable before the first page is written, so one of the two verifies at
 * any time. A chain that was entered and never used does no harm. In a volume that is in use it is written with a
 * checkpoint, as another geometry is: the superblock in memory is then that of the checkpoint, and nobody else writes it.
 */
import { VolumeError } from '../errors.js';
import { incompatibleFeatures, isEncrypted } from '../format/features.js';
import type { Sealer } from '../format/seal.js';
import { maxTransforms } from '../format/superblock.js';
import type { Store } from '../store/store.js';
import { type Chain, Chains, enterChain, none } from '../transform/chain.js';
import { Registry } from '../transform/registry.js';
import type { TransformChoice } from './api.js';
import { type OpenSuperblock, settleSuperblock, writeSuperblockDurably } from './superblock.js';

/** What `compressed` means for a file where neither it nor the volume says how. */
export const flaggedName = 'lz4';

export class VolumeChains implements TransformChoice {
  /** Number of the chain for files that ask for none; 0: stored as they are. */
  usual: number;
  /** Number of the chain for files that are to be compressed, nothing else being said (chattr +c); 0: none yet. */
  flagged: number;
  /** Does the write in its turn: once the volume is in use, others write the superblock too. */
  persist: (write: () => Promise<void>) => Promise<void> = (write) => write();
  private entering: Promise<Chain> | undefined;

  private constructor(
    private readonly store: Store,
    private readonly superblock: OpenSuperblock,
    readonly chains: Chains,
  ) {
    this.usual = superblock.defaultTransform;
    this.flagged = chains.at(this.usual)?.compression === undefined ? flaggedChain(chains) : this.usual;
  }

  /**
   * Read the superblock's table. `asked`: the chain for new data instead of the superblock's. Throws VolumeError
   * 'unknown-feature' with the name of what is missing, 'usage' for a chain that there can't be.
   */
  static async open(
    store: Store,
    superblock: OpenSuperblock,
    options: {
      readonly readOnly: boolean;
      /** Open it even if some of its files can't be read then. */
      readonly degraded?: boolean | undefined;
      /** No file will be read or written: what is missing does not matter. */
      readonly filesUntouched?: boolean | undefined;
      readonly asked?: string | undefined;
      readonly registry?: Registry | undefined;
    },
  ): Promise<VolumeChains> {
    if (!options.readOnly) await settleSuperblock(store, superblock);
    const registry = options.registry ?? new Registry();
    if (superblock.transforms.some((byte) => byte !== 0)) await registry.ready();
    const chains = new Chains(superblock.transforms, registry, isEncrypted(superblock));
    if (chains.sealed && chains.uncompressed === undefined)
      throw new VolumeError('corrupt', `${store.name}: is encrypted, and its superblock does not say how`);
    if (chains.missing.size > 0 && !options.filesUntouched && !(options.degraded && options.readOnly)) {
      const names = [...chains.missing.values()].join(', ');
      throw new VolumeError(
        'unknown-feature',
        `${store.name}: needs ${names}, which this program does not have: name the module with --transform, or mount with -o ro,degraded`,
      );
    }
    const made = new VolumeChains(store, superblock, chains);
    if (options.asked === undefined || options.readOnly) return made;
    if (options.asked === none) made.usual = 0;
    else made.flagged = made.usual = (await made.demand(options.asked)).number;
    return made;
  }

  get sealer(): Sealer | undefined {
    return this.superblock.sealer;
  }

  /** The chain asked for, entered if it is new to the volume. Throws VolumeError 'usage'. */
  async demand(text: string): Promise<Chain> {
    await this.chains.registry.ready();
    while (this.entering !== undefined) await this.entering.catch(() => undefined);
    const known = this.chains.find(text);
    if (known !== undefined) return known;
    this.entering = this.enter(text);
    try {
      return await this.entering;
    } finally {
      this.entering = undefined;
    }
  }

  private async enter(text: string): Promise<Chain> {
    const { superblock, chains } = this;
    const chain = chains.next(text);
    enterChain(superblock.transforms, chain);
    if (superblock.incompatible % 2 !== incompatibleFeatures.transforms)
      superblock.incompatible += incompatibleFeatures.transforms;
    // If this fails nobody gets the number: whoever asks for the chain again tries again to write it.
    await this.persist(() => writeSuperblockDurably(this.store, superblock));
    chains.add(chain);
    if (this.flagged === 0 && chain.name === flaggedName) this.flagged = chain.number;
    return chain;
  }
}

function flaggedChain(chains: Chains): number {
  for (let number = 1; number < maxTransforms; number++) if (chains.at(number)?.name === flaggedName) return number;
  return 0;
}
