/**
 * A chain: what happens to the units of some files, by the number that pointers have. The superblock has a table of
 * the chains of a volume. Serves flushing and reading of files, mkfs, and the tools.
 *
 * Invariants
 * 1. A number, once given, means the same for the life of the volume: entries are added, never changed.
 * 2. A level matters to the encoder alone: whoever lacks nothing but the level can read.
 */
import { VolumeError } from '../errors.js';
import { maxTransforms, TransformEntry } from '../format/superblock.js';
import { aesGcmName } from './aes-gcm.js';
import type { Registry } from './registry.js';
import type { Transform } from './transform.js';
import { aesGcmId } from './volume-key.js';

/** What is meant by `lz4` or `deflate:6`. */
export interface Chain {
  /** Index in the superblock's table, 1 to 15. */
  readonly number: number;
  /** How it was asked for. */
  readonly name: string;
  /** Undefined: none, of a chain that only encrypts. */
  readonly compression: Transform | undefined;
  readonly level: number;
  /** Encrypted at last: so are all chains of an encrypted volume, and none of another. */
  readonly sealed: boolean;
}

/** What was asked for, and has no number yet. */
export type Wanted = Omit<Chain, 'number' | 'sealed'> & { readonly compression: Transform };

/** The chain of an encrypted volume for data that is not compressed: its first one. */
export const sealedAlone: Chain = { number: 1, name: aesGcmName, compression: undefined, level: 0, sealed: true };

/** What stands for `no transform` in options and properties. */
export const none = 'none';

/** Read `NAME` or `NAME:LEVEL`. Throws VolumeError 'usage'. */
export function parseChain(text: string, registry: Registry): Wanted {
  const [name, level, rest] = text.split(':');
  const compression = registry.byName(name);
  const { levels } = compression;
  if (level === undefined) return { name, compression, level: levels?.usual ?? 0 };
  const number = Number(level);
  if (
    rest !== undefined ||
    levels === undefined ||
    !/^\d+$/.test(level) ||
    number < levels.least ||
    number > levels.most
  ) {
    const range = levels === undefined ? 'no levels' : `levels ${levels.least} to ${levels.most}`;
    throw new VolumeError('usage', `'${text}': ${name} has ${range}`);
  }
  return { name: `${name}:${number}`, compression, level: number };
}

export class Chains {
  private readonly chains: (Chain | undefined)[] = [];
  /** Numbers in use that this program can't undo: their names. */
  readonly missing = new Map<number, string>();
  /** What becomes of data that is not compressed: encrypted alone. Undefined: it is stored as it is. */
  readonly uncompressed: Chain | undefined;

  /** `sealed`: the volume is encrypted. A table that says otherwise is not believed. */
  constructor(
    table: Uint8Array,
    readonly registry: Registry,
    readonly sealed = false,
  ) {
    const view = new DataView(table.buffer, table.byteOffset, table.length);
    for (let number = 1; number < maxTransforms; number++) {
      const entry = TransformEntry.read(view, number * TransformEntry.size);
      if (entry.compression === 0 && entry.encryption === 0) continue;
      const { name } = entry;
      const compression = registry.byId(entry.compression);
      const known = compression !== undefined || entry.compression === 0;
      if (!known || entry.encryption !== (sealed ? aesGcmId : 0)) this.missing.set(number, name);
      else this.chains[number] = { number, name, compression, sealed, level: levelOf(name, compression) };
    }
    if (sealed) this.uncompressed = this.chains.find((chain) => chain !== undefined && chain.compression === undefined);
  }

  /** Undefined for a number that is not in use, or `missing`. */
  at(number: number): Chain | undefined {
    return this.chains[number];
  }

  /** The chain asked for as `text`, if the volume has it. Throws VolumeError 'usage' for what there can't be. */
  find(text: string): Chain | undefined {
    const { name } = parseChain(text, this.registry);
    return this.chains.find((chain) => chain?.name === name);
  }

  /** A chain with the next number. The caller writes the table, and then adds it. Throws VolumeError 'usage'. */
  next(text: string): Chain {
    const wanted = parseChain(text, this.registry);
    for (let number = 1; number < maxTransforms; number++)
      if (this.chains[number] === undefined && !this.missing.has(number))
        return { ...wanted, number, sealed: this.sealed };
    throw new VolumeError('usage', `a volume has at most ${maxTransforms - 1} kinds of compression and levels`);
  }

  /** The table has it, durably: pointers may have its number. */
  add(chain: Chain): Chain {
    this.chains[chain.number] = chain;
    return chain;
  }
}

/** Write a chain into a superblock's table. */
export function enterChain(table: Uint8Array, chain: Chain): void {
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  const entry: TransformEntry = {
    compression: chain.compression?.id ?? 0,
    encryption: chain.sealed ? aesGcmId : 0,
    name: chain.name,
  };
  TransformEntry.write(view, chain.number * TransformEntry.size, entry);
}

/** The level that a name tells; the usual one if that is none. */
function levelOf(name: string, compression: Transform | undefined): number {
  const levels = compression?.levels;
  if (levels === undefined) return 0;
  const level = Number(name.split(':')[1] ?? levels.usual);
  return level >= levels.least && level <= levels.most ? level : levels.usual;
}
