/**
 * Random choices that fit the present state of the model: files, names, offsets, bytes.
 */
import { below, chance, type Random } from '../../fs/store/random.js';
import { maxFileSize, rootInode } from '../../fs/units.js';
import { isDirectory, isRegular, type ModelNode } from '../model/nodes.js';
import { bytesOf } from '../model/state.js';
import type { Harness } from './harness.js';

/** An entry of a directory. */
export interface Place {
  readonly parent: number;
  readonly name: string;
  readonly inode: number;
}

const pick = <T>(random: Random, list: readonly T[]): T | undefined => list[below(random, list.length)];

export class Choose {
  constructor(
    private readonly harness: Harness,
    readonly random: Random,
  ) {}

  private nodes(fits: (node: ModelNode) => boolean): ModelNode[] {
    return [...this.harness.model.nodes.values()].filter(fits);
  }

  /** A directory that has a name; mostly a recent one. */
  directory(): number {
    const list = this.nodes((node) => isDirectory(node) && node.links > 0);
    return pick(this.random, chance(this.random, 0.5) ? list.slice(-8) : list)?.inode ?? rootInode;
  }

  /** A regular file, perhaps without a name. */
  file(): number | undefined {
    const list = this.nodes(isRegular);
    return pick(this.random, chance(this.random, 0.4) ? list.slice(-6) : list)?.inode;
  }

  /** Different regular files. */
  files(count: number): number[] {
    const list = this.nodes(isRegular);
    const chosen = new Set<number>();
    for (let i = 0; i < count; i++) {
      const node = pick(this.random, list);
      if (node) chosen.add(node.inode);
    }
    return [...chosen];
  }

  any(): number {
    return this.anyOf(() => true);
  }

  /** Something of which mode, owner and times can be set: a kernel refuses that of links. */
  settable(): number {
    return this.harness.kernel ? this.anyOf((node) => node.target === undefined) : this.any();
  }

  /** Something that can have attributes: a kernel lets only files and directories have them. */
  bearer(): number {
    return this.harness.kernel ? this.anyOf((node) => isDirectory(node) || isRegular(node)) : this.any();
  }

  private anyOf(fits: (node: ModelNode) => boolean): number {
    return pick(this.random, this.nodes(fits))?.inode ?? rootInode;
  }

  held(): number | undefined {
    return pick(
      this.random,
      this.nodes((node) => node.holds > 0),
    )?.inode;
  }

  /** An entry that exists. */
  place(fits: (node: ModelNode) => boolean = () => true): Place | undefined {
    const { model } = this.harness;
    for (let i = 0; i < 6; i++) {
      const parent = this.directory();
      const names = [...(model.node(parent).entries ?? [])];
      const found = pick(this.random, names);
      if (found && fits(model.node(found[1]))) return { parent, name: found[0], inode: found[1] };
    }
    return undefined;
  }

  /** A name that is most likely new. */
  name(): Uint8Array {
    const { random } = this;
    if (chance(random, 0.02)) return new Uint8Array(255).fill(97 + below(random, 26));
    if (chance(random, 0.05))
      return bytesOf(String.fromCharCode(0x80 + below(random, 0x7f), 0xff, 10, 32 + below(random, 10)));
    if (chance(random, 0.1)) return bytesOf(`n${below(random, 30)}`);
    if (chance(random, 0.2)) return bytesOf(`a-longer-name-${'x'.repeat(below(random, 100))}-${below(random, 1e6)}`);
    return bytesOf(`f${below(random, 1e6)}`);
  }

  length(): number {
    return Math.min(this.harness.mostBytes, this.anyLength());
  }

  private anyLength(): number {
    const { random } = this;
    const p = random();
    if (p < 0.3) return 1 + below(random, 100);
    if (p < 0.55) return 1 + below(random, 4096);
    if (p < 0.65) return 4096;
    if (p < 0.9) return 1 + below(random, 65536);
    if (p < 0.98) return 1 + below(random, 400_000);
    return 1 << 20;
  }

  /** Where to write, cut or punch in a file of that size: within it, at its end, beyond, far beyond. */
  offset(size: number): number {
    const { random } = this;
    const p = random();
    const aligned = chance(random, 0.4) ? 4096 : 1;
    if (p < 0.35) return size;
    if (p < 0.8) return Math.floor(below(random, size + 1) / aligned) * aligned;
    if (p < 0.985) return Math.floor((size + below(random, 200_000)) / aligned) * aligned;
    return below(random, maxFileSize - (2 << 20));
  }

  /** Bytes that occur nowhere else: each 8 of them name the write and the place in it. */
  bytes(length: number): Uint8Array {
    const id = below(this.random, 0xffffffff) | 1;
    const words = new Uint32Array(Math.ceil(length / 8) * 2);
    for (let i = 0; i < words.length; i += 2) {
      words[i] = id;
      words[i + 1] = i | 0x80000000;
    }
    return new Uint8Array(words.buffer, 0, length);
  }
}
