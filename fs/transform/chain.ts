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
import type { Registry } from './registry.js';
import type { Transform } from './transform.js';

/** What is meant by `lz4` or `deflate:6`. */
export interface Chain {
  /** Index in the superblock's table, 1 to 15. */
  readonly number: number;
  /** How it was asked for. */
  readonly name: string;
  readonly compression: Transform;
  readonly level: number;
}

/** What stands for `no transform` in options and properties. */
export const none = 'none';

/** Read `NAME` or `NAME:LEVEL`. Throws VolumeError 'usage'. */
export function parseChain(text: string, registry: Registry): Omit<Chain, 'number'> {
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

  constructor(
    table: Uint8Array,
    readonly registry: Registry,
  ) {
    const view = new DataView(table.buffer, table.byteOffset, table.length);
    for (let number = 1; number < maxTransforms; number++) {
      const entry = TransformEntry.read(view, number * TransformEntry.size);
      if (entry.compression === 0 && entry.encryption === 0) continue;
      const compression = entry.encryption === 0 ? registry.byId(entry.compression) : undefined;
      if (compression === undefined) this.missing.set(number, entry.name);
      else this.chains[number] = { number, name: entry.name, compression, level: levelOf(entry.name, compression) };
    }
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
      if (this.chains[number] === undefined && !this.missing.has(number)) return { ...wanted, number };
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
  const entry: TransformEntry = { compression: chain.compression.id, encryption: 0, name: chain.name };
  TransformEntry.write(view, chain.number * TransformEntry.size, entry);
}

/** The level that a name tells; the usual one if that is none. */
function levelOf(name: string, { levels }: Transform): number {
  if (levels === undefined) return 0;
  const level = Number(name.split(':')[1] ?? levels.usual);
  return level >= levels.least && level <= levels.most ? level : levels.usual;
}
