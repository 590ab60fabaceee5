/** The chains of transforms that a stream names, as the receiving volume has them: they are entered when they are needed. */
import { VolumeError } from '../errors.js';
import { maxTransforms, TransformEntry } from '../format/superblock.js';
import type { Chain } from '../transform/chain.js';
import type { TransformChoice } from '../volume/api.js';
import { shownName } from '../volume/snapshots.js';
import { badStream } from './record-reader.js';

export class StreamChains {
  private readonly decoders = new Map<number, Chain>();

  constructor(
    private readonly transforms: TransformChoice,
    private readonly table: Uint8Array,
  ) {}

  /** A chain of the volume that undoes what a chain of the stream has done. Rejects with VolumeError 'unknown-feature'. */
  async decoderOf(number: number): Promise<Chain> {
    const known = this.decoders.get(number);
    if (known !== undefined) return known;
    const entry = this.entry(number);
    const { chains } = this.transforms;
    let found: Chain | undefined;
    // The level is a matter of who makes units.
    for (let i = 1; i < maxTransforms && found === undefined; i++)
      if (chains.at(i)?.compression?.id === entry.compression) found = chains.at(i);
    found ??= chains.at(await this.demand(entry));
    if (found === undefined || found.compression?.id !== entry.compression) throw unknown(entry);
    this.decoders.set(number, found);
    return found;
  }

  /** The volume's number of a chain that a file asks for. Rejects with VolumeError 'unknown-feature'. */
  numberOf(number: number): Promise<number> {
    return this.demand(this.entry(number));
  }

  private entry(number: number): TransformEntry {
    const view = new DataView(this.table.buffer, this.table.byteOffset, this.table.length);
    const entry = number < maxTransforms ? TransformEntry.read(view, number * TransformEntry.size) : undefined;
    if (entry === undefined || entry.compression === 0 || entry.encryption !== 0)
      throw badStream(`names transform ${number}, which it does not say anything about`);
    return entry;
  }

  private async demand(entry: TransformEntry): Promise<number> {
    try {
      return ((await this.transforms.demand(entry.name)) as Chain).number;
    } catch (e) {
      if (e instanceof VolumeError && e.problem === 'usage') throw unknown(entry);
      throw e;
    }
  }
}

const unknown = ({ name }: TransformEntry): VolumeError =>
  new VolumeError(
    'unknown-feature',
    `the stream has files in ${shownName(name)}, which this program does not know: send it with --plain`,
  );
