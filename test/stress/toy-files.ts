/** Files in a Map, that answer late in an order of their own, and can be told to lie. */
import { setImmediate } from 'node:timers/promises';
import { FsError } from '../../fs/errors.js';
import { chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { Files, OpenFile, SpaceUsage } from '../../stress/workload/files.js';

export type Lie = 'none' | 'flipped bit' | 'lost write' | 'lost rename' | 'lost append' | 'stale file' | 'every name';

export class ToyFiles implements Files {
  private readonly contents = new Map<string, Uint8Array>();
  private readonly stale = new Map<string, Uint8Array>();
  private readonly random: Random;
  private calls = 0;

  constructor(
    private readonly lie: Lie = 'none',
    seed = 1,
    private readonly size = 2 ** 30,
  ) {
    this.random = seededRandom(seed);
  }

  async mkdir(): Promise<void> {}

  async create(path: string): Promise<OpenFile> {
    await this.wait();
    if (this.contents.has(path)) throw new FsError('EEXIST', 'create', undefined, path);
    this.contents.set(path, new Uint8Array(0));
    return this.file(path);
  }

  async open(path: string): Promise<OpenFile> {
    await this.wait();
    this.find(path);
    return this.file(path);
  }

  async stat(path: string): Promise<number> {
    await this.wait();
    if (this.lie === 'every name' && !this.contents.has(path)) return 0;
    return this.find(path).length;
  }

  async unlink(path: string): Promise<void> {
    await this.wait();
    const old = this.find(path);
    if (this.lie === 'stale file') this.stale.set(path, old);
    this.contents.delete(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.wait();
    const moved = this.find(from);
    this.contents.delete(from);
    if (this.lie === 'lost rename' && this.contents.has(to)) return;
    this.contents.set(to, moved);
  }

  async usage(): Promise<SpaceUsage> {
    const used = this.used();
    return { size: this.size, used, available: this.size - used };
  }

  private used(): number {
    let used = 0;
    for (const bytes of this.contents.values()) used += bytes.length;
    return used;
  }

  private find(path: string): Uint8Array {
    const found = this.contents.get(path);
    if (found === undefined) throw new FsError('ENOENT', 'find', undefined, path);
    return found;
  }

  private file(path: string): OpenFile {
    return {
      read: async (offset, into) => {
        await this.wait();
        const bytes = this.stale.get(path) ?? this.find(path);
        const part = bytes.subarray(offset, offset + into.length);
        into.set(part);
        if (this.lie === 'flipped bit' && this.calls % 50 === 0 && part.length > 0) into[part.length >> 1] ^= 4;
        return part.length;
      },
      write: async (offset, bytes) => {
        await this.wait();
        const old = this.find(path);
        if (this.lie === 'lost append' && offset > 0) return;
        if (this.used() + bytes.length > this.size) throw new FsError('ENOSPC', 'write');
        const end = offset + bytes.length;
        if (end <= old.length) {
          if (this.lie !== 'lost write') old.set(bytes, offset);
          return;
        }
        const grown = new Uint8Array(end);
        grown.set(old);
        grown.set(bytes, offset);
        this.contents.set(path, grown);
      },
      sync: () => this.wait(),
      close: () => this.wait(),
    };
  }

  private async wait(): Promise<void> {
    this.calls++;
    while (chance(this.random, 0.3)) await setImmediate();
  }
}
