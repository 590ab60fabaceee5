/**
 * Snapshots and power cuts: random operations on a filesystem, with snapshots that come and go, on a disk that loses its
 * power. Whatever a cut leaves: what was acknowledged is there with the contents that it had, what was deleted does not
 * come back, live bits are those of all roots, and in the end all space is given back.
 */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { SnapshotView } from '../../fs/volume/snapshot-view.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { dump } from '../../stress/model/dump.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Worker } from '../support/worker.js';

const imageBytes = 20 * 2 ** 20;

/** A number for everything that a filesystem holds. */
async function hashOf(api: FileSystem): Promise<string> {
  const { facts, files } = await dump(api);
  const hash = createHash('sha1');
  for (const [key, value] of [...facts].sort()) hash.update(`${key}=${value}\n`);
  for (const [inode, file] of [...files].sort(([a], [b]) => a - b)) {
    hash.update(`${inode}:`);
    hash.update(file.read(0, file.size));
  }
  return hash.digest('hex');
}

const inSnapshot = (volume: Volume, name: string): FileSystem => {
  const root = volume.snapshots.find(name);
  if (root === undefined) throw new Error(`no snapshot ${name}`);
  return new FileSystem(new SnapshotView(volume, root), { cacheBytes: 1, accessTimes: 'noatime' });
};

/** What must be, and what may be as nobody was told. */
class Expected {
  readonly snapshots = new Map<string, string>();
  creating: string | undefined;
  removing: string | undefined;

  async compare(volume: Volume): Promise<void> {
    const there = new Set(volume.snapshots.list().map(({ name }) => name));
    for (const [name, hash] of this.snapshots) {
      if (!there.has(name)) {
        expect(name).toBe(this.removing);
        this.snapshots.delete(name);
        continue;
      }
      expect(`${name} ${await hashOf(inSnapshot(volume, name))}`).toBe(`${name} ${hash}`);
    }
    for (const name of there) {
      if (this.snapshots.has(name)) continue;
      expect(name).toBe(this.creating);
      this.snapshots.set(name, await hashOf(inSnapshot(volume, name)));
    }
    this.creating = undefined;
    this.removing = undefined;
  }
}

interface Totals {
  cuts: number;
  resumed: number;
  left: number;
  moved: number;
  turns: number;
  branchesGone: number;
}

class Run {
  private names = 0;
  private readonly directories = [1];
  private readonly files: number[] = [];

  constructor(
    private readonly random: Random,
    private readonly expected: Expected,
    private readonly totals: Totals,
  ) {}

  /** From one start to the next cut, which comes at a random write. */
  async once(contents: SparseBytes): Promise<SparseBytes> {
    const { random, expected, totals } = this;
    const disk = new SimulatedDisk(imageBytes, { contents });
    const volume = await Volume.open(disk, { commitSeconds: 0, cacheBytes: 2 ** 20 });
    const api = new FileSystem(volume, { cacheBytes: 4 << 20, accessTimes: 'noatime' });
    await api.recover();
    if (volume.leaving.idle !== undefined) totals.resumed++;
    await expected.compare(volume);
    let cut = false;
    const work = this.work(volume, api, () => cut);
    const steps = 20 + below(random, 60);
    for (let i = 0; i < steps * 10 && !cut; i++) await new Promise((resolve) => setImmediate(resolve));
    cut = true;
    const left = disk.crash(random);
    await volume.abandon();
    // The disk is gone: operations fail, with EIO or whatever they make of it.
    await work.catch(() => undefined);
    totals.cuts++;
    totals.left += volume.leaving.left;
    totals.moved += volume.counters.moved;
    return left;
  }

  private async work(volume: Volume, first: FileSystem, stopped: () => boolean): Promise<void> {
    const { random, expected, totals } = this;
    let api = first;
    let worker = new Worker(api, random, this.directories, this.files);
    /** The live root is another one: what is known of the old one counts no more. */
    const turned = async (turn: () => Promise<unknown>): Promise<void> => {
      await api.close();
      const done = await turn().then(
        () => true,
        (e) => {
          if (e instanceof FsError && e.code === 'ENOSPC') return false;
          throw e;
        },
      );
      if (done) totals.turns++;
      api = new FileSystem(volume, { cacheBytes: 4 << 20, accessTimes: 'noatime' });
      await api.recover();
      worker = new Worker(api, random, this.directories, this.files);
    };
    while (!stopped()) {
      await worker.step();
      if (chance(random, 0.05)) await api.sync();
      if (chance(random, 0.03)) await volume.commit();
      if (chance(random, 0.06) && expected.snapshots.size < 4) {
        const name = `s${this.names++}`;
        expected.creating = name;
        const made = await volume.snapshots.create(name).catch((e) => {
          if (e instanceof FsError && e.code === 'ENOSPC') return undefined;
          throw e;
        });
        expected.creating = undefined;
        if (made !== undefined) expected.snapshots.set(name, await hashOf(inSnapshot(volume, name)));
      }
      if (chance(random, 0.06) && expected.snapshots.size > 0) {
        const name = [...expected.snapshots.keys()][below(random, expected.snapshots.size)];
        expected.removing = name;
        await volume.snapshots.remove(name);
        expected.removing = undefined;
        expected.snapshots.delete(name);
      }
      if (chance(random, 0.02) && expected.snapshots.size > 0) {
        const from = [...expected.snapshots.keys()][below(random, expected.snapshots.size)];
        const branches = volume.lines.list();
        if (chance(random, 0.5)) await turned(() => volume.lines.rollback(from, undefined));
        else if (branches.length < 2) await volume.lines.clone(from, `b${this.names++}`);
        else if (below(random, 2) === 0) await turned(() => volume.lines.turnTo(branches[0].name));
        else {
          await volume.lines.remove((branches.find(({ name }) => name !== '') ?? branches[0]).name);
          totals.branchesGone++;
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

it.each([1, 2])(
  'what was kept is exact after each cut, and nothing is left in the end (seed %i)',
  async (seed) => {
    const random = seededRandom(seed);
    const first = new SimulatedDisk(imageBytes);
    await formatTestVolume(first, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
    let contents = first.contents();
    const expected = new Expected();
    const totals: Totals = { cuts: 0, resumed: 0, left: 0, moved: 0, turns: 0, branchesGone: 0 };
    const run = new Run(random, expected, totals);
    for (let round = 0; round < 5; round++) {
      contents = await run.once(contents);
      const replayed = new SimulatedDisk(imageBytes, { contents: contents.copy() });
      const looked = await Volume.open(replayed, { commitSeconds: 0 });
      await looked.close();
      expect((await checkVolume(replayed, { data: true })).map(({ message }) => message)).toEqual([]);
    }
    const disk = new SimulatedDisk(imageBytes, { contents });
    const volume = await Volume.open(disk, { commitSeconds: 0 });
    await expected.compare(volume);
    await volume.lines.turnTo('');
    for (const { name } of volume.lines.list()) await volume.lines.remove(name);
    for (const { name } of volume.snapshots.list()) await volume.snapshots.remove(name);
    await volume.leaving.idle;
    await volume.commit();
    const { table, main, system, mainPages, space } = volume.state;
    expect(table.livePages).toBe(mainPages + (main.nodes + system.nodes) * space.perNode);
    await volume.close();
    expect((await checkVolume(disk, { data: true })).map(({ message }) => message)).toEqual([]);
    expect(totals.left).toBeGreaterThan(0);
    expect(totals.turns + totals.branchesGone).toBeGreaterThan(0);
  },
  120_000,
);
