/**
 * A record of the journal rots behind which others were acknowledged: nobody goes on as if it had never been. A tail of
 * which nothing shows that it was durable is cut off without a word.
 */
import { expect, it } from 'vitest';
import { JournalRecord, journalMagic } from '../../fs/format/journal-record.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { pageSize, rootInode } from '../../fs/units.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { JournalDamage } from '../../fs/volume/recovery.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { allowSafe } from '../../fsck/repair/permission.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { formatTestVolume } from '../support/volume-image.js';

const who = { uid: 0, gid: 0, pid: 1 };
const size = 16 * 2 ** 20;

/** A volume that stopped after it had made the files and synced each. */
async function stopped(names: readonly string[], journal: JournalMode, snapshot?: string): Promise<MemoryStore> {
  const store = new MemoryStore(size);
  await formatTestVolume(store, 5, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const volume = await Volume.open(store, { commitSeconds: 0, journal });
  const fs = new FileSystem(volume);
  if (snapshot !== undefined) await volume.snapshots.create(snapshot);
  for (const name of names) {
    await run(() => fs.mknod(rootInode, Buffer.from(name), 0o100644, 0, 0, who));
    await fs.settled('file');
    await fs.sync();
  }
  await volume.abandon();
  return store;
}

/** Offset of the record with this number, of those of the newest epoch. */
async function offsetOf(store: MemoryStore, sequence: number): Promise<number> {
  const all = new Uint8Array(store.size);
  await store.read(0, all);
  const view = new DataView(all.buffer);
  for (let at = 0; at + JournalRecord.size <= size; at += 8) {
    if (view.getUint32(at, true) === journalMagic && JournalRecord.read(view, at).sequence === sequence) return at;
  }
  throw new Error(`no record ${sequence}`);
}

async function rot(store: MemoryStore, sequence: number): Promise<void> {
  const at = (await offsetOf(store, sequence)) + JournalRecord.offsetOf.sequence;
  const byte = new Uint8Array(1);
  await store.read(at + 40, byte);
  byte[0] ^= 1;
  await store.write(at + 40, [byte]);
}

async function names(store: MemoryStore, options: { readOnly?: boolean; degraded?: boolean } = {}): Promise<string[]> {
  const volume = await Volume.open(store, { commitSeconds: 0, ...options });
  const fs = new FileSystem(volume);
  const found: string[] = [];
  await run(() => {
    found.length = 0;
    fs.readdir(rootInode, 0, (name) => found.push(Buffer.from(name).toString()) > 0);
  });
  await volume.close();
  return found.filter((name) => !name.startsWith('.')).sort();
}

const copyOf = (store: MemoryStore): MemoryStore => new MemoryStore(size, { bytes: store.bytes.copy() });

it.each<JournalMode>(['writeback', 'ordered', 'data'])('journal=%s: a record in the middle rots', async (journal) => {
  const store = await stopped(['one', 'two', 'three', 'four'], journal);
  expect(await names(copyOf(store))).toEqual(['four', 'one', 'three', 'two']);
  await rot(store, 2);
  const refused = await names(copyOf(store)).catch((e: unknown) => e);
  expect(refused).toBeInstanceOf(JournalDamage);
  expect(refused).toMatchObject({ problem: 'corrupt', gap: { sequence: 2, durable: 3 } });
  expect(String(refused)).toMatch(/record 2 of the journal is damaged.*run fsck\.varve, or mount with -o ro,degraded/);
  await expect(names(copyOf(store), { readOnly: true })).rejects.toThrow(JournalDamage);
  expect(await names(store, { readOnly: true, degraded: true })).toEqual(['one']);

  const before = copyOf(store);
  const careful = await repairVolume(store, { allow: allowSafe });
  expect(careful).toMatchObject({ corrected: false, left: { problems: [{ code: 'journal' }] } });
  expect(await names(before, { readOnly: true, degraded: true })).toEqual(['one']);

  const { found, left, ledger, replayed } = await repairVolume(store);
  expect(found.problems).toMatchObject([{ code: 'journal', invariant: 'C4' }]);
  expect(left.problems).toEqual([]);
  expect(replayed?.records).toBe(1);
  expect(ledger.losses.map(({ path }) => path)).toEqual(['/', '/', '#4', '#5']);
  expect(await names(store)).toEqual(['one']);
  expect(await checkVolume(store)).toEqual([]);
});

it('a record behind which nothing was acknowledged is cut off', async () => {
  const store = await stopped(['one', 'two', 'three'], 'ordered');
  // Record 3 says that 2 had been durable; nothing says so of 3.
  await rot(store, 3);
  expect(await names(store)).toEqual(['one', 'two']);
});

it('a record that is gone with its page counts as damaged, too', async () => {
  const store = await stopped(['one', 'two', 'three'], 'ordered');
  await store.write(Math.floor((await offsetOf(store, 1)) / pageSize) * pageSize, [new Uint8Array(pageSize)]);
  await expect(names(store)).rejects.toThrow('record 1 of the journal is damaged, and records up to 2');
});

it('the journal of a volume with snapshots is cut as well', async () => {
  const store = await stopped(['one', 'two', 'three'], 'ordered', 'kept');
  await rot(store, 2);
  const { left, corrected } = await repairVolume(store);
  expect({ left: left.problems, corrected }).toEqual({ left: [], corrected: true });
  expect(await names(store)).toEqual(['one']);
});
