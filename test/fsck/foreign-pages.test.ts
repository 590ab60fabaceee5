/**
 * What a repair finds by its own contents must be the volume's: not what a user has written to a file, nor what a former
 * volume has left. The same pages under the right brand are believed, which shows that only the brand keeps them out.
 */
import { expect, test } from 'vitest';
import { checksum } from '../../fs/format/checksum.js';
import { type Geometry, nodeBytes, placeOffset, segmentPages } from '../../fs/format/geometry.js';
import { itemKind } from '../../fs/format/item.js';
import type { Pointer } from '../../fs/format/pointer.js';
import { runKind } from '../../fs/format/segment-summary.js';
import { writeU64 } from '../../fs/format/struct.js';
import type { Superblock } from '../../fs/format/superblock.js';
import { NodeHeader } from '../../fs/format/tree-node.js';
import { summaryPage } from '../../fs/log/summary-page.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { decodeInode } from '../../fs/posix/inode/inode-record.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { type Address, pageSize, rootInode } from '../../fs/units.js';
import { headerPage, newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine, survey } from '../../fsck/check.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { readPlace } from '../../fsck/repair/summaries.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';
import { loseSlots, offsetOf } from '../broken/losses.js';
import { itemsOf } from '../support/items-of.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';

onlyOnPlainVolumes('lays nodes and checkpoints by hand');

const bytes = 16 * 2 ** 20;
const mallory = { uid: 1000, gid: 1000, pid: 1 };
const ownBrand = 4711;
const brands = [
  ['of the volume', ownBrand, true],
  ['of another one', 4712, false],
] as const;

/** Format a store; the root directory, where all may write, belongs to `owner`. */
async function format(store: MemoryStore, brand: number, owner: number): Promise<Superblock> {
  const superblock = { ...fixedSuperblock(bytes), brand };
  await Volume.format(store, { superblock, initial: initialItems({ seconds: 1, nanos: 0 }, owner, owner, 0o777) });
  return superblock;
}

/** Open a store, let somebody work in it, close it. */
async function using(
  store: MemoryStore,
  work: (fs: FileSystem, volume: Volume) => Promise<void> | void,
): Promise<void> {
  const volume = await Volume.open(store, { commitSeconds: 0, discard: false });
  const fs = new FileSystem(volume, { cacheBytes: 2 ** 22 });
  await work(fs, volume);
  await fs.close();
  await volume.close();
}

async function writeFile(fs: FileSystem, name: string, contents: Uint8Array): Promise<void> {
  const { inode } = await run(() => fs.mknod(rootInode, Buffer.from(name), 0o100644, 0, 0, mallory));
  await run(() => fs.write(inode, 0, contents, mallory));
  await fs.sync();
}

/** Write a file of `pages` pages, of which the writer has guessed where they will lie. */
async function writeKnowing(fs: FileSystem, volume: Volume, pages: (at: Address) => Uint8Array[]): Promise<void> {
  const at = volume.state.log.data.ready(16);
  const contents = Buffer.concat(pages(at));
  await writeFile(fs, 'forged', contents);
  const { state } = volume;
  const place = state.table.placeOf(Math.floor(at / state.log.perSegment));
  const found = new Uint8Array(contents.length);
  await state.store.read(placeOffset(state.geometry, place, at % state.log.perSegment), found);
  expect(Buffer.compare(found, contents)).toBe(0);
}

async function ownerOfRoot(store: MemoryStore): Promise<number> {
  const item = (await itemsOf(store)).get(`${rootInode} ${itemKind.inode} 0`);
  return decodeInode(rootInode, Buffer.from(item ?? '', 'hex')).uid;
}

/** Both roots of a volume whose root directory is mallory's, as made at home, under a brand. */
async function rootsFromHome(brand: number) {
  const store = new MemoryStore(bytes);
  await format(store, 1, mallory.uid);
  const seen = await survey(store);
  const { checkpoint } = seen;
  const root = async (pointer: Pointer) => {
    const node = new Uint8Array(nodeBytes(seen.superblock));
    await store.read(await offsetOf(seen, pointer.address, false), node);
    writeU64(new DataView(node.buffer), NodeHeader.offsetOf.brand, brand);
    return { node, pointer: { ...pointer, checksum: checksum(node) } };
  };
  return { checkpoint, main: await root(checkpoint.mainRoot), system: await root(checkpoint.systemRoot) };
}

test.each(brands)('a file with a checkpoint, under the brand %s', async (_, brand, isBelieved) => {
  const store = new MemoryStore(bytes);
  const superblock = await format(store, ownBrand, 0);
  const { checkpoint, main, system } = await rootsFromHome(brand);
  await using(store, (fs, volume) =>
    writeKnowing(fs, volume, (at) => {
      const forged = {
        ...checkpoint,
        generation: 1000,
        mainRoot: { ...main.pointer, address: at },
        systemRoot: { ...system.pointer, address: at + main.pointer.pages },
      };
      return [main.node, system.node, headerPage({ ...superblock, brand }, forged)];
    }),
  );
  await loseSlots(store, superblock);
  expect((await repairVolume(store)).left.problems).toEqual([]);
  expect(await ownerOfRoot(store)).toBe(isBelieved ? mallory.uid : 0);
});

test.each(brands)('a file with a summary, under the brand %s', async (_, brand, isBelieved) => {
  const store = new MemoryStore(bytes);
  const superblock = await format(store, ownBrand, 0);
  const geometry: Geometry = { ...superblock, brand };
  await using(store, (fs, volume) =>
    writeKnowing(fs, volume, (at) => {
      const page = at % segmentPages(superblock);
      const position = { serial: 1_000_000, generation: 1, page, first: page };
      return [summaryPage(geometry, position, [])];
    }),
  );
  await loseSlots(store, superblock);
  const { left, ledger } = await repairVolume(store);
  expect(left.problems).toEqual([]);
  // What lies in its segment, the file itself, is not found where another segment is said to be.
  const { problems } = await examine(store, { data: true });
  expect(problems.length + ledger.losses.length > 0).toBe(isBelieved);
});

test.each(brands)(
  'a leaf in a file that was begun over old nodes, under the brand %s',
  async (_, brand, isBelieved) => {
    const store = new MemoryStore(bytes);
    const superblock = await format(store, ownBrand, 0);
    await using(store, async (fs) => {
      for (const name of ['a', 'b', 'c']) await writeFile(fs, name, new Uint8Array(10).fill(1));
    });
    const { image } = await survey(store);
    const { node } = (await rootsFromHome(brand)).main;
    const view = new DataView(node.buffer);
    const { birth } = NodeHeader.offsetOf;
    view.setUint32(birth, (await newestCheckpoint(store, superblock)).checkpoint.generation + 1, true);
    let laid = 0;
    for (let place = 0; place < superblock.places; place++) {
      const { summaries } = await readPlace(store, superblock, place);
      for (const one of summaries.flatMap(({ runs }) => runs)) {
        const offset = placeOffset(superblock, place, one.page);
        // Of checkpoints no copy may be left either: leaves are looked for only then.
        if (one.kind === runKind.checkpoint) await store.write(offset, [new Uint8Array(pageSize)]);
        const isOld = !image.claims.has(image.locate(one.address, false));
        if (one.kind === runKind.node && one.level === 0 && isOld && laid++ === 0) await store.write(offset, [node]);
      }
    }
    expect(laid).toBeGreaterThan(0);
    await loseSlots(store, superblock);
    await repairVolume(store);
    expect(await ownerOfRoot(store)).toBe(isBelieved ? mallory.uid : 0);
  },
);

test.each(brands)('what a volume has left that was here before, under the brand %s', async (_, brand, isBelieved) => {
  const store = new MemoryStore(bytes);
  await format(store, brand, mallory.uid);
  await using(store, (fs) => writeFile(fs, 'of the former volume', new Uint8Array(5 * pageSize).fill(7)));
  const superblock = await format(store, ownBrand, 0);
  await loseSlots(store, superblock);
  expect((await repairVolume(store)).left.problems).toEqual([]);
  expect(await ownerOfRoot(store)).toBe(isBelieved ? mallory.uid : 0);
  expect((await readSuperblock(store)).brand).toBe(ownBrand);
});
