/**
 * What must hold of any image, however damaged:
 *
 * 1. Opening it, reading all of it, changing it and closing it end with what was asked for or with a declared error.
 * 2. So does `fsck -y`. Where that repairs, the next check finds nothing, the volume opens, is read without an error but
 *    for contents that are lost, takes changes, and is still found right.
 * 3. A flipped bit is detected, by who reads or by a check, or it makes no difference to anyone who reads. In the journal
 *    it may cut off what comes after it, as long as nothing proves that to be missing.
 * 4. All of that takes a bounded number of calls of the store.
 */
import { FsError, VolumeError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { replayInMemory } from '../../fsck/replay.js';
import { dissect } from './anatomy.js';
import { makeBase } from './base.js';
import { type Damage, damage, type Patient } from './mutate.js';
import { walk } from './walk.js';

/** Calls of the store that anything may take: a hundred times what a sound image takes. */
const mostCalls = 300_000;
const now = (): number => 1_700_000_100_000;
const who = { uid: 0, gid: 0, pid: 1 };

/** Something that must hold does not. */
export class Violation extends Error {}

class CountingStore extends MemoryStore {
  calls = 0;

  override read(offset: number, into: Uint8Array): Promise<void> | undefined {
    this.count();
    return super.read(offset, into);
  }

  override write(offset: number, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    this.count();
    return super.write(offset, buffers);
  }

  private count(): void {
    if (++this.calls > mostCalls) throw new Violation('it does not end');
  }
}

/** A sound image, and what is known of it. */
export interface Base extends Patient {
  readonly name: string;
  readonly bytes: SparseBytes;
  /** What a reader sees, and what one sees from whom a record of the journal is taken away that nobody will miss. */
  readonly digest: string;
  readonly prefixes: ReadonlySet<string>;
}

export async function prepare(seed: number, closed: boolean): Promise<Base> {
  const { bytes } = await makeBase(seed, closed);
  const store = new MemoryStore(bytes.size, { bytes: bytes.copy() });
  const anatomy = await dissect(store);
  const used: number[] = [];
  const page = new Uint8Array(pageSize);
  for (let at = 0; at < bytes.size; at += pageSize) {
    bytes.read(at, page);
    if (page.some((byte) => byte !== 0)) used.push(at);
  }
  const { digest, errors } = await look(bytes);
  if (errors.length > 0) throw new Error(`the image to be damaged is not sound: ${errors.join('; ')}`);
  const prefixes = new Set<string>();
  for (const { what, offset, length } of anatomy.parts) {
    if (what !== 'journal record') continue;
    const cut = bytes.copy();
    cut.write(offset, new Uint8Array(length));
    const { value } = await calmly(() => look(cut));
    if (value !== undefined) prefixes.add(value.digest);
  }
  return { name: `${closed ? 'closed' : 'stopped'} volume ${seed}`, bytes, anatomy, used, digest, prefixes };
}

async function look(bytes: SparseBytes): ReturnType<typeof walk> {
  const volume = await Volume.open(new MemoryStore(bytes.size, { bytes: bytes.copy() }), { readOnly: true });
  return walk(new FileSystem(volume, { cacheBytes: 1 << 18 }));
}

/** What became of an image. */
export interface Outcome {
  readonly damage: Damage;
  readonly opened: boolean;
  readonly repaired: boolean;
  readonly detected: boolean;
}

/** Damage the image as the seed says, and look what comes of it. Throws Violation. */
export async function judge(base: Base, seed: number): Promise<Outcome> {
  const random = seededRandom(seed);
  const bytes = base.bytes.copy();
  const done = damage(bytes, base, random);
  const fresh = (): CountingStore => new CountingStore(done.size ?? bytes.size, { bytes: bytes.copy() });
  try {
    const use = await calmly(() => useVolume(fresh()));
    const repaired = await calmly(() => repairAll(fresh()));
    if (repaired.error instanceof Violation) throw repaired.error;
    const detected = done.kind === 'bit' ? await isDetected(base, done, fresh) : true;
    return { damage: done, opened: use.error === undefined, repaired: repaired.error === undefined, detected };
  } catch (e) {
    const why = e instanceof Error ? (e instanceof Violation ? e.message : (e.stack ?? e.message)) : String(e);
    throw new Violation(`seed ${seed}, ${base.name}, ${done.what}: ${why}`);
  }
}

/** The error if it is one that a caller expects. */
async function calmly<T>(work: () => Promise<T>): Promise<{ value?: T; error?: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof VolumeError || error instanceof FsError) return { error };
    throw error;
  }
}

/** As a mount would: recover, read all, change something, close. */
async function useVolume(store: MemoryStore): Promise<void> {
  const volume = await Volume.open(store, { commitSeconds: 0, cacheBytes: 1 << 18 });
  const fs = new FileSystem(volume, { cacheBytes: 1 << 18 });
  await calmly(() => fs.recover());
  await walk(fs);
  await calmly(() => changeSome(fs));
  await calmly(() => fs.close());
  await volume.close();
}

async function changeSome(fs: FileSystem): Promise<void> {
  const { inode } = await run(() => fs.mknod(1, Buffer.from('new'), 0o100644, 0, 0, who));
  await run(() => fs.write(inode, 5000, Buffer.alloc(20_000, 'new '), who));
  for (const name of ['file 3', 'file 4', 'link', 'late 1']) {
    const known = await calmly(() => run(() => fs.lookup(1, Buffer.from(name)).inode));
    if (known.value === undefined) continue;
    const old = known.value;
    await calmly(() => run(() => fs.setattr(old, { size: 100 }, who)));
    await calmly(() => run(() => fs.write(old, 3000, Buffer.alloc(3000, 'again '), who)));
    await calmly(() => run(() => fs.unlink(1, Buffer.from(name), who)));
  }
  await fs.sync();
}

/** fsck -y; afterwards the volume is as good as new. */
async function repairAll(store: CountingStore): Promise<void> {
  const { left } = await repairVolume(store, { now });
  if (left.total > 0) throw new Violation(`the repair leaves: ${left.problems[0]?.message} (${left.total})`);
  const volume = await Volume.open(store, { commitSeconds: 0, cacheBytes: 1 << 18 });
  const fs = new FileSystem(volume, { cacheBytes: 1 << 18 });
  await fs.recover();
  const { errors } = await walk(fs);
  // Attributes in namespaces that this version does not serve are kept for one that does.
  const strange = errors.find((error) => !/EIO|EUCLEAN|EOPNOTSUPP/.test(error));
  if (strange) throw new Violation(`after the repair: ${strange}`);
  await changeSome(fs);
  await fs.close();
  await volume.close();
  const { problems } = await examine(store);
  if (problems.length > 0)
    throw new Violation(`after the repair and a mount: ${problems[0].message} (${problems.length})`);
}

/** Whether anybody notices a flipped bit. Throws Violation if somebody sees something else and nobody notices. */
async function isDetected(base: Base, { part }: Damage, fresh: () => MemoryStore): Promise<boolean> {
  const seen = await calmly(async () => {
    const volume = await Volume.open(fresh(), { readOnly: true, cacheBytes: 1 << 18 });
    return walk(new FileSystem(volume, { cacheBytes: 1 << 18 }));
  });
  if (seen.value === undefined || seen.value.errors.length > 0) return true;
  const found = await calmly(async () => {
    const { problems } = await examine(fresh(), { data: true });
    return problems.length + (await examine((await replayInMemory(fresh())).store, { data: true })).problems.length;
  });
  if (found.value !== 0) return true;
  if (seen.value.digest === base.digest) return false;
  // Contents that the last record claims and that are not there look like a power cut, as that record would.
  const mayCut = part === undefined || part.what === 'journal record';
  if (mayCut && base.prefixes.has(seen.value.digest)) return false;
  throw new Violation('a flipped bit shows, and nobody notices');
}
