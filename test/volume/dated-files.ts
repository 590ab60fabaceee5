/** Files of which the first byte says when they were written last: what a volume must still hold, whatever happens to it. */
import { expect } from 'vitest';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { noise } from '../../stress/system/noise.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';

export const who = { uid: 0, gid: 0, pid: 1 };
export const mebibyte = 2 ** 20;

/** What was written to a file, in order, and how much of that is durable. */
interface History {
  readonly values: number[];
  durable: number;
}

/** Files whose first byte says which of its values was written last. */
export class Files {
  readonly histories = new Map<string, History>();

  private constructor(
    readonly volume: Volume,
    readonly fs: FileSystem,
  ) {}

  static async open(store: Store): Promise<Files> {
    const volume = await Volume.open(store, { commitSeconds: 0, cacheBytes: mebibyte });
    const fs = new FileSystem(volume, { cacheBytes: 4 * mebibyte });
    await fs.recover();
    return new Files(volume, fs);
  }

  private async inode(name: string): Promise<number> {
    try {
      return (await run(() => this.fs.lookup(1, Buffer.from(name)))).inode;
    } catch {
      return (await run(() => this.fs.mknod(1, Buffer.from(name), 0o100644, 0, 0, who))).inode;
    }
  }

  async write(name: string, value: number, bytes: number): Promise<void> {
    const inode = await this.inode(name);
    const history = this.histories.get(name) ?? { values: [], durable: 0 };
    this.histories.set(name, history);
    const contents = noise(bytes, value);
    contents[0] = value;
    await run(() => this.fs.write(inode, 0, contents, who));
    history.values.push(value);
  }

  async sync(): Promise<void> {
    const told = [...this.histories.values()].map((history) => [history, history.values.length] as const);
    await this.fs.sync();
    for (const [history, count] of told) history.durable = Math.max(history.durable, count);
  }

  /** Its first byte. */
  async read(name: string, bytes: number): Promise<number> {
    const into = new Uint8Array(bytes);
    const inode = (await run(() => this.fs.lookup(1, Buffer.from(name)))).inode;
    const count = await run(() => this.fs.read(inode, 0, into));
    expect(count).toBe(bytes);
    return into[0];
  }

  async close(): Promise<void> {
    await this.fs.close();
    await this.volume.close();
  }
}

export async function formatted(store: Store, bytes: number): Promise<void> {
  const initial = initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755);
  await Volume.format(store, { superblock: fixedSuperblock(bytes), initial });
}
