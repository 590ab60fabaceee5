/** Fields under good checksums with values that nobody would write: found by the fuzzer (stress/fuzz). */
import { expect, test } from 'vitest';
import { FsError, VolumeError } from '../../fs/errors.js';
import { selfChecksum } from '../../fs/format/checksum.js';
import { itemKind, rootState } from '../../fs/format/item.js';
import { Superblock } from '../../fs/format/superblock.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import { putChunk } from '../../fs/volume/dropped-runs.js';
import { putRoot } from '../../fs/volume/kept-roots.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { isCountable } from '../../fsck/checkpoint.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { dissect } from '../../stress/fuzz/anatomy.js';
import { makeBase } from '../../stress/fuzz/base.js';
import { sampleVolume } from '../broken/sample.js';
import { editCheckpoint, editNode, editSuperblock } from '../broken/surgery.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';
import { formatTestVolume } from '../support/volume-image.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

const outOfRange = 2 ** 53;
const counters = ['nextSerial', 'nextInode', 'inodes', 'livePages', 'promisedPages', 'heldNodes'] as const;

const damages: Record<string, (store: MemoryStore) => Promise<void>> = {
  'a label that is not UTF-8, in one superblock': async (store) => {
    const page = new Uint8Array(pageSize);
    await store.read(0, page);
    page.fill(0xff, Superblock.offsetOf.label, Superblock.offsetOf.label + 8);
    new DataView(page.buffer).setUint32(
      Superblock.offsetOf.checksum,
      selfChecksum(page, Superblock.offsetOf.checksum),
      true,
    );
    await store.write(0, [page]);
  },
  'a copy of the superblock of another name': (store) =>
    editSuperblock(store, 1, (record) => {
      record.label = 'another';
    }),
};
for (const name of counters)
  damages[`${name} out of range`] = (store) =>
    editCheckpoint(store, (record) => {
      record[name] = outOfRange;
    });

const farAhead = 'a batch of a generation far ahead, in the journal';
damages[farAhead] = async (store) => {
  const { bytes } = await makeBase(2, false);
  const [field] = (await dissect(new MemoryStore(bytes.size, { bytes }))).fields.get('batch-header.generation') ?? [];
  bytes.write(field.at, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1));
  field.part.seal(bytes);
  const copy = new Uint8Array(bytes.size);
  bytes.read(0, copy);
  await store.write(0, [copy]);
};

damages['a segment opened under a serial beyond all addresses, in the journal'] = async (store) => {
  const { bytes } = await makeBase(4, false);
  const [field] = (await dissect(new MemoryStore(bytes.size, { bytes }))).fields.get('opened-segment.serial') ?? [];
  bytes.write(field.at, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0));
  field.part.seal(bytes);
  const copy = new Uint8Array(bytes.size);
  bytes.read(0, copy);
  await store.write(0, [copy]);
};

damages['an inode with the last number there is, in the journal'] = async (store) => {
  const { bytes } = await makeBase(4, false);
  const { fields } = await dissect(new MemoryStore(bytes.size, { bytes }));
  const [field] = fields.get('item-entry.inode')?.filter(({ part }) => part.what === 'journal record') ?? [];
  bytes.write(field.at, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0).subarray(0, field.size));
  field.part.seal(bytes);
  const copy = new Uint8Array(bytes.size);
  bytes.read(0, copy);
  await store.write(0, [copy]);
};

damages['moved pages under addresses beyond the log, and the map of them is lost'] = async (store) => {
  const { bytes } = await makeBase(2, false);
  const { fields } = await dissect(new MemoryStore(bytes.size, { bytes }));
  for (const field of fields.get('summary-run.address') ?? []) {
    bytes.write(field.at, Uint8Array.of(0x4a, 0x5f, 0x33, 0x99, 0x91, 0x13, 0x77, 0x96));
    field.part.seal(bytes);
  }
  for (const field of fields.get('node-header.heap') ?? []) {
    if (!field.part.what.startsWith('system')) continue;
    bytes.write(field.at, Uint8Array.of(0xcf, 0x3f));
    field.part.seal(bytes);
  }
  const copy = new Uint8Array(bytes.size);
  bytes.read(0, copy);
  await store.write(0, [copy]);
};

/** The last entry of a directory lies under an offset that a number holds only about. */
const entryFarOut = (store: MemoryStore): Promise<void> =>
  editNode(store, [0], (node) => {
    const kindAt = (index: number): number => node.slot(index).inodeLowAndKind & 0xffff;
    let last = node.header.count - 1;
    while (last >= 0 && kindAt(last) !== itemKind.dirent) last--;
    node.setSlot(last, { ...node.slot(last), offsetHigh: 0xffffffff });
  });
damages['an entry under an offset beyond all hashes'] = entryFarOut;

damages['an item of a kind that there is not'] = (store) =>
  editNode(store, [0], (node) => {
    const last = node.header.count - 1;
    node.setSlot(last, { ...node.slot(last), inodeLowAndKind: node.slot(last).inodeLowAndKind | 0xffff });
  });
damages['serials for which there are no addresses'] = (store) =>
  editCheckpoint(store, (record) => {
    record.nextSerial = 2 ** 48;
  });

test.each(Object.keys(damages))('is repaired: %s', async (name) => {
  const store = (await sampleVolume()) as MemoryStore;
  await damages[name](store);
  const { found, left } = await repairVolume(store);
  // A replay ends before such a batch, as at a torn tail: nothing is left of it to be found.
  if (name !== farAhead) expect(found.total).toBeGreaterThan(0);
  expect(left.problems).toEqual([]);
  expect((await examine(store)).problems).toEqual([]);
});

test('a repair goes on from no checkpoint after which its own commits could not be counted', () => {
  expect(isCountable({ generation: 2 ** 50 - 1 })).toBe(false);
  expect(isCountable({ generation: 2 ** 49 })).toBe(true);
  expect(isCountable({ generation: 0 })).toBe(false);
});

/** Open it, make a file, close it: errors of other kinds than those declared end the test. */
async function use(store: MemoryStore): Promise<void> {
  const declared = (e: unknown): void => {
    if (!(e instanceof FsError || e instanceof VolumeError)) throw e;
  };
  const volume = await Volume.open(store, { commitSeconds: 0 }).catch(declared);
  if (!volume) return;
  const fs = new FileSystem(volume);
  const make = () => fs.mknod(1, Buffer.from('new'), 0o100644, 0, 0, { uid: 0, gid: 0, pid: 1 });
  await run(make).catch(declared);
  await fs.close().catch(declared);
  await volume.close().catch(declared);
}

test.each(counters)('a mount meets an error with a name at the most: %s out of range', async (name) => {
  const store = (await sampleVolume()) as MemoryStore;
  await editCheckpoint(store, (record) => {
    record[name] = outOfRange;
  });
  await use(store);
});

test('the root of the system tree lies nowhere: damage, and no endless search for it', async () => {
  const store = (await sampleVolume()) as MemoryStore;
  await editCheckpoint(store, (record) => {
    record.systemRoot.address = 2 ** 40;
  });
  await use(store);
  expect((await repairVolume(store)).left.problems).toEqual([]);
});

test('a relocation that leads to what another node holds is taken away', async () => {
  const { bytes } = await makeBase(2, false);
  const { fields } = await dissect(new MemoryStore(bytes.size, { bytes }));
  // Checkpoints, then inner nodes, then extents, each with 8 bytes of address.
  const addresses = new Set(
    fields.get('pointer.address')?.map(({ at }) => {
      const address = new Uint8Array(8);
      bytes.read(at, address);
      return Buffer.from(address).toString('hex');
    }),
  );
  for (const field of fields.get('relocation.target')?.slice(0, 3) ?? []) {
    for (const address of [...addresses].slice(0, 12)) {
      const copy = bytes.copy();
      copy.write(field.at, Buffer.from(address, 'hex'));
      field.part.seal(copy);
      const { left } = await repairVolume(new MemoryStore(copy.size, { bytes: copy }));
      expect(left.problems, `the entry at ${field.at} to ${address}`).toEqual([]);
    }
  }
});

test('no inode number is left', async () => {
  const store = (await sampleVolume()) as MemoryStore;
  await editCheckpoint(store, (record) => {
    record.nextInode = 2 ** 48 - 1;
  });
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const fs = new FileSystem(volume);
  const make = (name: string) =>
    run(() => fs.mknod(1, Buffer.from(name), 0o100644, 0, 0, { uid: 0, gid: 0, pid: 1 }).inode);
  expect(await make('last')).toBe(2 ** 48 - 1);
  await expect(make('one more')).rejects.toThrow('ENOSPC');
  await fs.close();
  await volume.close();
  expect((await examine(store)).problems).toEqual([]);
});

test('a directory with an entry beyond all hashes is not listed for ever', async () => {
  const { bytes, size } = await sampleVolume();
  const store = new MemoryStore(size, { bytes: bytes.copy() });
  await entryFarOut(store);
  const volume = await Volume.open(store, { readOnly: true });
  const fs = new FileSystem(volume, { cacheBytes: 1 << 20 });
  const entries: string[] = [];
  const list = async (inode: number): Promise<void> => {
    for (let cookie = 0, parts = 0, more = true; more; parts++) {
      if (parts > 1000) throw new Error('it does not end');
      const from = cookie;
      more = false;
      const below: number[] = [];
      await run(() =>
        fs.readdir(inode, from, (name, child, type, next) => {
          if (more) return false;
          [more, cookie] = [true, next];
          entries.push(Buffer.from(name).toString());
          if (type === 4 && !['.', '..', '.snapshots'].includes(entries[entries.length - 1])) below.push(child);
          return true;
        }),
      );
      for (const child of below) await list(child);
    }
  };
  await expect(list(1)).rejects.toThrow('out of range');
  expect(entries.length).toBeGreaterThan(2);
  await volume.close();
});

test('what is being given back is believed of a few roots, as one goes at a time', async () => {
  const store = new MemoryStore(32 << 20);
  await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const one = await volume.snapshots.create('one');
  const { state } = volume;
  const runs = 20;
  state.nextRoot = 1000;
  for (let i = 0; i < runs; i++) {
    const root = {
      ...one,
      id: 10 + i,
      name: '',
      state: rootState.leaving,
      stage: 1,
      heir: 9,
      cursorOffset: i,
      end: i + 1,
    };
    const items = [
      putRoot({ ...root, floor: 0 }),
      putChunk(9, i, [{ address: state.log.node.appended + 64 + i, pages: 1, birth: 1 }]),
    ];
    state.system.prepare(items);
    state.system.change(items);
  }
  state.changed = true;
  await volume.checkpoints.checkpoint();
  await volume.abandon();
  const { problems } = await examine(store);
  const unheld = problems.filter(({ message }) => message.includes('is held by no root'));
  expect(unheld).toHaveLength(4);
});
