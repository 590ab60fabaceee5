/**
 * Lets a server rehearse (fs/fuse/kernel/rehearsal.ts) while its mount is idle: on a volume in memory that is
 * opened, used and thrown away. Requests of the mount come first: an act begins only when none has come for a
 * moment, and the whole ends early when the mount itself has given practice enough.
 */
import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { planGeometry } from '../format/geometry.js';
import { formatVersion, Superblock, superblockMagic } from '../format/superblock.js';
import type { Mounted } from '../fuse/driver.js';
import { Rehearsal } from '../fuse/kernel/rehearsal.js';
import { memoryFile } from '../host/files.js';
import { FileSystem } from '../posix/filesystem.js';
import { initialItems } from '../posix/namespace/root-directory.js';
import { Roots } from '../posix/snapshots/roots.js';
import { openImageFile } from '../store/image-file.js';
import type { Store } from '../store/store.js';
import { pageShift } from '../units.js';
import { Volume } from '../volume/volume.js';
import { servedBy } from './served.js';

const imageBytes = 256 * 2 ** 20;
/**
 * Acts on one volume, and on another: what differs from volume to volume (functions that belong to one, above all) V8
 * then knows to differ, and what it has made by the end fits the mount's volume as well.
 */
const rehearsals = [100, 900];
const actsPerCommit = 200;
/** A mount that has served so many requests needs no rehearsal. */
const enough = 20_000;
/** An act begins after so many ms without a request. */
const quietMs = 1;

type Traffic = Pick<Mounted, 'traffic'>;

/** Resolves when the rehearsal is over. Whatever goes wrong in it goes to `log`: the mount has no part in it. */
export async function rehearse(mounted: Traffic, log: (line: string) => void): Promise<void> {
  try {
    for (const acts of rehearsals) await onNewImage((store) => play(acts, store, mounted, log));
  } catch (e) {
    log(`the rehearsal failed: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`);
  }
}

async function onNewImage(work: (store: Store) => Promise<void>): Promise<void> {
  const memory = memoryFile('rehearsal');
  if (memory < 0) return;
  try {
    const store = await openImageFile(`/proc/self/fd/${memory}`, { create: { size: imageBytes } });
    try {
      await work(store);
    } finally {
      await store.close();
    }
  } finally {
    closeSync(memory);
  }
}

async function play(acts: number, store: Store, mounted: Traffic, log: (line: string) => void): Promise<void> {
  await Volume.format(store, {
    superblock: superblock(),
    initial: initialItems({ seconds: 0, nanos: 0 }, 0, 0, 0o755),
  });
  const volume = await Volume.open(store);
  const filesystem = new FileSystem(volume, { onCorruption: (error) => log(error.message), groupsOf: () => [] });
  try {
    const roots = new Roots(volume, filesystem, {
      owner: { uid: 0, gid: 0 },
      onCorruption: (error) => log(error.message),
      pull: async () => undefined,
    });
    const rehearsal = new Rehearsal(servedBy(volume, roots), log);
    for (let i = 0; i < acts; i++) {
      await quiet(mounted);
      const { requests, ended } = mounted.traffic();
      if (ended || requests > enough) return;
      await rehearsal.act();
      if (i % actsPerCommit === actsPerCommit - 1) await volume.commit();
    }
  } finally {
    await filesystem.close();
    await volume.close();
  }
}

/** Until the event loop has had its turn and the mount has nothing to do: an act would delay a read under way. */
async function quiet(mounted: Traffic): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  for (;;) {
    const { waiting, idleMs, ended } = mounted.traffic();
    if (ended || (waiting === 0 && idleMs >= quietMs)) return;
    await new Promise((resolve) => setTimeout(resolve, quietMs));
  }
}

const superblock = (): Superblock => ({
  magic: superblockMagic,
  version: formatVersion,
  checksum: 0,
  pageShift,
  defaultTransform: 0,
  compatible: 0,
  readOnlyCompatible: 0,
  incompatible: 0,
  uuid: randomBytes(16),
  label: 'rehearsal',
  createdSeconds: 0,
  nameSeed: 1,
  transforms: new Uint8Array(Superblock.fields.transforms.size),
  keySlots: new Uint8Array(Superblock.fields.keySlots.size),
  flags: 0,
  ...planGeometry(imageBytes, undefined),
});
