/**
 * The transforms that this program knows: those built in, and the modules named on its command line. A volume names
 * what it needs by id and name; that never makes anything load.
 */
import { VolumeError } from '../errors.js';
import { deflate } from './deflate.js';
import { lz4 } from './lz4.js';
import type { Transform } from './transform.js';
import { zstd } from './zstd.js';

/** Ids below this one are built in. */
export const firstExternalId = 256;
const builtIn = ['lz4', 'deflate', 'zstd'] as const;

/** What each registry of the process knows besides. */
const everywhere = new Map<number, Transform>();

/**
 * Known wherever nothing else is said: of the machine's configuration (configured.ts), or what a suite runs with. Throws
 * VolumeError 'usage' if another one has the name or the id.
 */
export function knowEverywhere(one: Transform): void {
  const isOther = (other: Transform): boolean => (other.name === one.name) !== (other.id === one.id);
  if (builtIn.some((name) => name === one.name) || [...everywhere.values()].some(isOther)) throw clash(one);
  everywhere.set(one.id, one);
}

const clash = ({ name, id }: Transform): VolumeError =>
  new VolumeError('usage', `two transforms are called ${name}, or have the id ${id}`);

export class Registry {
  private readonly known = new Map<string, Transform>();
  private loading: Promise<void> | undefined;

  /** What is built in, and `external`. Throws VolumeError 'usage' when two have the same name or id. */
  constructor(external: readonly Transform[] = []) {
    for (const one of [deflate, zstd, ...everywhere.values()]) if (one !== undefined) this.add(one);
    // Named on a command line as well: it is the same, or it is the one that is meant.
    for (const one of external) if (this.known.get(one.name)?.id !== one.id || !everywhere.has(one.id)) this.add(one);
  }

  /** Resolves when native packages are loaded as well, which most programs never need. */
  async ready(): Promise<this> {
    this.loading ??= lz4().then((loaded) => this.add(loaded));
    await this.loading;
    return this;
  }

  get isReady(): boolean {
    return this.known.has('lz4');
  }

  private add(one: Transform): void {
    for (const other of this.known.values()) {
      if (other.name === one.name || other.id === one.id) throw clash(one);
    }
    this.known.set(one.name, one);
  }

  get names(): string[] {
    return [...this.known.keys()];
  }

  byId(id: number): Transform | undefined {
    for (const one of this.known.values()) if (one.id === id) return one;
    return undefined;
  }

  /** Throws VolumeError 'usage' with what there is instead. */
  byName(name: string): Transform {
    const found = this.known.get(name);
    if (found !== undefined) return found;
    const reason = builtIn.some((one) => one === name)
      ? `${name} is not in this version of Node (${process.version})`
      : `there is no transform '${name}'`;
    throw new VolumeError('usage', `${reason}; known are: none, ${this.names.join(', ')}`);
  }
}
