/**
 * Mode `data` on a small volume that is written over many times: the cleaner works, the journal runs through its
 * places and has to wait for checkpoints, fsyncs and commits come in between, writes are answered late. Whenever the
 * power goes, what is found is a prefix of the writes; when only the process dies, it is all of them.
 */
import { expect, it } from 'vitest';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { noise } from '../../stress/system/noise.js';
import { emptyImage, imageBytes } from './scenario.js';

const who = { uid: 0, gid: 0, pid: 1 };
const files = 140;
const bytes = (text: string): Uint8Array => Buffer.from(text);
/** Inline, a page, a few, many. */
const sizes = [900, 4096, 30_001, 250_000] as const;
const sizeOf = (file: number): number => sizes[file % sizes.length];

/** Contents that say which write they are from, and wear a volume that compresses as well. */
function contentsOf(file: number, sequence: number): Uint8Array {
  const contents = noise(sizeOf(file), 1 + (sequence % 251));
  new DataView(contents.buffer).setUint32(0, sequence, true);
  return contents;
}

class Wear {
  /** File of each write, from 1 on. */
  readonly writes: number[] = [-1];
  acknowledged = 0;
  durable = 0;
  readonly inodes: number[] = [];

  constructor(
    readonly volume: Volume,
    readonly fs: FileSystem,
    private readonly random: Random,
  ) {}

  async prepare(): Promise<void> {
    for (let file = 0; file < files; file++) {
      this.inodes.push(await run(() => this.fs.mknod(1, bytes(`f${file}`), 0o100644, 0, 0, who).inode));
    }
    await this.fs.sync();
  }

  async act(): Promise<void> {
    const { random, fs } = this;
    const dice = random();
    const before = this.acknowledged;
    if (dice < 0.02) await this.volume.commit();
    else if (dice < 0.06) await fs.fsync(this.inodes[below(random, files)], chance(random, 0.5));
    else return this.write(below(random, files));
    this.durable = before;
  }

  private async write(file: number): Promise<void> {
    const sequence = this.writes.push(file) - 1;
    const contents = contentsOf(file, sequence);
    const inode = this.inodes[file];
    const written = await run(() => this.fs.write(inode, 0, contents, who));
    if (written !== contents.length) throw new Error(`wrote ${written} of ${contents.length}`);
    await this.fs.settled('file');
    this.acknowledged = sequence;
  }

  /** The prefix that the image holds. */
  async prefixOf(contents: SparseBytes, where: string): Promise<number> {
    const disk = new SimulatedDisk(imageBytes, { contents });
    const volume = await Volume.open(disk, { commitSeconds: 0 });
    const fs = new FileSystem(volume, { cacheBytes: 4 << 20 });
    await fs.recover();
    const found: Uint8Array[] = [];
    for (const inode of this.inodes) {
      const into = new Uint8Array((await run(() => fs.getattr(inode))).size);
      await run(() => fs.read(inode, 0, into));
      found.push(into);
    }
    const sequenceOf = (b: Uint8Array): number => (b.length === 0 ? 0 : Buffer.from(b).readUInt32LE(0));
    const prefix = Math.max(...found.map(sequenceOf));
    for (let file = 0; file < files; file++) {
      const last = this.writes.slice(0, prefix + 1).lastIndexOf(file);
      const expected = last < 0 ? new Uint8Array(0) : contentsOf(file, last);
      expect(Buffer.compare(found[file], expected), `${where}: file ${file} of prefix ${prefix}`).toBe(0);
    }
    await fs.close();
    await volume.close();
    expect((await checkVolume(disk, { data: true })).length, where).toBe(0);
    return prefix;
  }
}

async function wear(seed: number, image: SparseBytes): Promise<Wear> {
  const random = seededRandom(seed);
  const disk = new SimulatedDisk(imageBytes, {
    contents: image.copy(),
    slow: { random, inPlace: 0.8, turns: 3 },
  });
  const volume = await Volume.open(disk, { journal: 'data', commitSeconds: 0, cacheBytes: 2 ** 20 });
  const wearing = new Wear(volume, new FileSystem(volume, { cacheBytes: 4 << 20 }), random);
  await wearing.prepare();
  for (let i = 500 + below(random, 700); i > 0; i--) await wearing.act();
  // One more, which the end meets on its way.
  const last = wearing.act().catch(() => undefined);
  for (let turn = below(random, 4); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
  const { acknowledged, durable } = wearing;
  const killed = await wearing.prefixOf(disk.contents(), `seed ${seed}, killed`);
  expect(killed, `seed ${seed}, killed`).toBeGreaterThanOrEqual(acknowledged);
  for (let outcome = 0; outcome < 3; outcome++) {
    const where = `seed ${seed}, outcome ${outcome}`;
    const prefix = await wearing.prefixOf(disk.crash(random), where);
    expect(prefix, where).toBeGreaterThanOrEqual(durable);
  }
  await last;
  await volume.abandon();
  return wearing;
}

it('a prefix of the writes survives a power cut, all of them the death of the process', async () => {
  const image = await emptyImage();
  const seen = { records: 0, checkpoints: 0, foregroundCleanings: 0, wraps: 0 };
  for (let seed = 1; seed <= 3; seed++) {
    const { counters } = (await wear(seed, image)).volume;
    for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += counters[key];
  }
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
});
