/**
 * A volume elsewhere, from which streams come: three snapshots, each with changes to the one before it. It is made once and
 * never changes, so the rest of a stream that broke off can be had at any time.
 */
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { parseToken } from '../../fs/transfer/resume-token.js';
import { askedFor } from '../../fs/transfer/sender.js';
import { Volume } from '../../fs/volume/volume.js';
import { type Holding, holdingOf } from '../model/holding.js';
import { fixedSuperblock } from './superblock.js';
import { askedTransforms } from './transforms.js';
import { VarveRoots } from './varve-roots.js';

export interface Stream {
  /** Of the snapshot. */
  readonly name: string;
  /** Identity of the snapshot, and of the one on which the stream builds, as text. */
  readonly to: string;
  readonly from: string | undefined;
  readonly bytes: Uint8Array;
  readonly holding: Holding;
}

export interface Donor {
  readonly streams: readonly Stream[];
  /** What goes on from a token. Rejects when the token is of another volume. */
  rest(token: string): Promise<Uint8Array>;
}

const names = ['donated 1', 'donated 2', 'donated 3'] as const;
const who = { uid: 0, gid: 0, pid: 1 };

let made: Promise<Donor> | undefined;

export function donor(): Promise<Donor> {
  made ??= makeDonor();
  return made;
}

async function makeDonor(): Promise<Donor> {
  const uuid = new Uint8Array(16).fill(9);
  const disk = new MemoryStore(16 << 20);
  const superblock = { ...fixedSuperblock(disk.size, 5, 64), ...askedTransforms(uuid), uuid, nameSeed: 777 };
  await Volume.format(disk, { superblock, initial: initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755) });
  const volume = await Volume.open(disk, { commitSeconds: 0, clock: { now: () => 1_650_000_000_000 } });
  const api = new FileSystem(volume, { cacheBytes: 4 << 20 });
  const roots = new VarveRoots(volume);
  for (const [round, name] of names.entries()) {
    await work(api, round);
    await volume.snapshots.create(name);
  }
  const streams: Stream[] = [];
  for (const [i, name] of names.entries())
    for (const from of i === 0 ? [undefined] : [undefined, names[i - 1]])
      streams.push(await streamOf(roots, name, from));
  const rest = (token: string): Promise<Uint8Array> => {
    const { snapshot, ...options } = askedFor(volume, parseToken(token));
    return roots.stream(snapshot, options);
  };
  return { streams, rest };
}

/** A stream of a snapshot of that volume. */
export async function streamOf(roots: VarveRoots, name: string, from: string | undefined): Promise<Stream> {
  const base = from === undefined ? undefined : identityOf(roots, from);
  const to = identityOf(roots, name);
  const holding = holdingOf(await roots.look(roots.snapshot(name)));
  return { name, to, from: base, bytes: await roots.send(name, from), holding };
}

/** Where and when a snapshot was made, as text. */
export function identityOf(roots: VarveRoots, name: string): string {
  const { uuid, epoch, id } = roots.snapshot(name).identity;
  return `${Buffer.from(uuid).toString('hex')} ${epoch} ${id}`;
}

/** Files come, change and go: some small, some of several extents, with names, attributes and holes. */
async function work(api: FileSystem, round: number): Promise<void> {
  const { inode: folder } = await run(() => api.mkdir(1, Buffer.from(`folder ${round}`), 0o755, 0, who));
  for (let i = 0; i < 6; i++) {
    const { inode } = await run(() => api.mknod(folder, Buffer.from(`file ${i}`), 0o100640, 0, 0, who));
    await run(() => api.write(inode, 0, Buffer.alloc(100 + i * 5000, `${round}${i}`), who));
    await run(() => api.write(inode, i * 70_000, Buffer.alloc(3000, `at ${i}`), who));
    await run(() => api.setxattr(inode, Buffer.from('user.round'), Buffer.from(`${round}`), 0, who));
  }
  if (round === 0) return;
  const before = await run(() => api.lookup(1, Buffer.from(`folder ${round - 1}`)).inode);
  await run(() => api.unlink(before, Buffer.from('file 1'), who));
  await run(() => api.rename(before, Buffer.from('file 2'), folder, Buffer.from('moved'), 0, who));
  const { inode } = await run(() => api.lookup(before, Buffer.from('file 5')));
  await run(() => api.write(inode, 8192, Buffer.alloc(9000, 'new'), who));
  await run(() => api.setattr(inode, { size: 30_000 }, who));
}
