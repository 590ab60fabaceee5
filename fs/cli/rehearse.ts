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
import { PracticeKernel } from '../fuse/kernel/practice-kernel.js';
import { Recollection, Rehearsal } from '../fuse/kernel/rehearsal.js';
import { memoryFile } from '../host/files.js';
import { FileSystem } from '../posix/filesystem.js';
import { initialItems } from '../posix/namespace/root-directory.js';
import { Roots } from '../posix/snapshots/roots.js';
import { DelayedStore } from '../store/delayed.js';
import { openImageFile } from '../store/image-file.js';
import { Pace } from '../store/pace.js';
import { ReadPace } from '../store/read-pace.js';
import type { Store } from '../store/store.js';
import { pageShift, type Serial } from '../units.js';
import { Volume } from '../volume/volume.js';
import { servedBy } from './served.js';

const imageBytes = 256 * 2 ** 20;
/** What is done with one volume. */
export interface Part {
  /** Acts of a rehearsal. */
  readonly acts: number;
  /** Of recollections, which read the volume anew: half of them near, the others from afar. */
  readonly recollections: number;
}

/**
 * Two volumes: what differs from one to another (functions that belong to one, above all) V8 then knows to differ, and what it
 * has made by the end fits the mount's volume as well. The first is for those who come at once: a little of everything.
 */
const whole: readonly Part[] = [
  { acts: 50, recollections: 40 },
  { acts: 900, recollections: 300 },
];
/** The first volume gives serials from here on, as one that was written for years: its addresses are no small integers. */
const oldSerial: Serial = 2 ** 28;
const actsPerCommit = 200;
/** Memory for a recollection, in bytes: less than there is to read. */
const littleMemory = 2 * 2 ** 20;
/** A mount that has served so many requests needs no rehearsal. */
const enough = 20_000;
/** An act begins after so many ms without a request: a load that pauses for less is not over. */
const quietMs = 10;

type Traffic = Pick<Mounted, 'traffic'>;

/** Resolves when the rehearsal is over. Whatever goes wrong in it goes to `log`: the mount has no part in it. */
export async function rehearse(
  mounted: Traffic,
  log: (line: string) => void,
  parts: readonly Part[] = whole,
): Promise<void> {
  try {
    await quiet(mounted);
    meetSlowDisks();
    for (const [number, { acts, recollections }] of parts.entries())
      await onNewImage(async (store) => {
        await format(store);
        await perform(acts, store, Rehearsal, mounted, log, number === 0 ? oldSerial : undefined);
        for (const from of [store, fromAfar(store)]) await perform(recollections / 2, from, Recollection, mounted, log);
      });
  } catch (e) {
    log(`the rehearsal failed: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`);
  }
}

/** What a store in memory never is: slow, now and then. */
function meetSlowDisks(): void {
  const [pace, readPace] = [new Pace(0.7), new ReadPace()];
  for (let i = 0; i < 2000; i++) {
    const took = (i % 97) / 8;
    pace.took(took, !pace.quick);
    if (readPace.quick) readPace.took(took / 8);
    else readPace.passed();
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

/** Its reads come later than the calls, as those do that a disk has to be waited for. */
const fromAfar = (store: Store): Store => new DelayedStore(store, 0);

const format = (store: Store): Promise<void> =>
  Volume.format(store, { superblock: superblock(), initial: initialItems({ seconds: 0, nanos: 0 }, 0, 0, 0o755) });

async function perform(
  acts: number,
  store: Store,
  Actor: typeof Rehearsal | typeof Recollection,
  mounted: Traffic,
  log: (line: string) => void,
  serial?: Serial,
): Promise<void> {
  const memory = Actor === Recollection ? { cacheBytes: littleMemory } : {};
  const volume = await Volume.open(store, memory);
  if (serial !== undefined) volume.state.table.nextSerial = serial;
  const filesystem = new FileSystem(volume, {
    onCorruption: (error) => log(error.message),
    groupsOf: () => [],
    ...memory,
  });
  try {
    const roots = new Roots(volume, filesystem, {
      owner: { uid: 0, gid: 0 },
      onCorruption: (error) => log(error.message),
      pull: async () => undefined,
    });
    const kernel = new PracticeKernel(servedBy(volume, roots), log);
    volume.gather = () => kernel.gather();
    try {
      const actor = new Actor(kernel);
      for (let i = 0; i < acts; i++) {
        await quiet(mounted);
        const { requests, ended } = mounted.traffic();
        if (ended || requests > enough) return;
        await actor.act();
        if (i % actsPerCommit === actsPerCommit - 1) await volume.commit();
      }
    } finally {
      kernel.end();
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
  nameSeed: randomBytes(4).readUInt32LE(),
  brand: 1,
  transforms: new Uint8Array(Superblock.fields.transforms.size),
  keySlots: new Uint8Array(Superblock.fields.keySlots.size),
  flags: 0,
  ...planGeometry(imageBytes, undefined),
});
