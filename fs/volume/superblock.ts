/** The superblock: first page of the image, copy in the last page of the volume. Changed by mkfs and administration only. */
import { FsError, VolumeError } from '../errors.js';
import { selfChecksum } from '../format/checksum.js';
import { incompatibleFeatures, isEncrypted, readOnlyCompatibleFeatures, unknownBits } from '../format/features.js';
import { type Geometry, geometryProblem } from '../format/geometry.js';
import { formatVersion, Superblock, superblockMagic } from '../format/superblock.js';
import type { Store } from '../store/store.js';
import { keyOf } from '../transform/keyring.js';
import { type ImageOffset, pageSize } from '../units.js';

/** The page of a superblock, with its checksum. */
export function superblockPage(superblock: Superblock): Uint8Array {
  const page = new Uint8Array(pageSize);
  const view = new DataView(page.buffer);
  Superblock.write(view, 0, { ...superblock, checksum: 0 });
  view.setUint32(Superblock.offsetOf.checksum, selfChecksum(page, Superblock.offsetOf.checksum), true);
  return page;
}

/** Write both copies; they are durable after the next barrier. */
export async function writeSuperblock(store: Store, superblock: Superblock): Promise<void> {
  const page = superblockPage(superblock);
  await store.write((superblock.imagePages - 1) * pageSize, [page]);
  await store.write(0, [page]);
}

/** Change both copies of a volume that is in use: one of the two verifies at any time. Durable when it resolves. */
export async function writeSuperblockDurably(store: Store, superblock: Superblock): Promise<void> {
  const page = superblockPage(superblock);
  await store.write((superblock.imagePages - 1) * pageSize, [page]);
  await store.barrier();
  await store.write(0, [page]);
  await store.barrier();
}

/** After a crash between the writes of the two copies, a torn one, or one that can't be read: make both what was read. */
export async function settleSuperblock(store: Store, superblock: Superblock): Promise<void> {
  const page = superblockPage(superblock);
  for (const at of [0, (superblock.imagePages - 1) * pageSize]) {
    if (await holds(store, at, page)) continue;
    await writeSuperblockDurably(store, superblock);
    return;
  }
}

/** Clear a copy that counts no more, unless something else lies there already. Durable when it resolves. */
export async function clearCopy(store: Store, offset: ImageOffset): Promise<void> {
  try {
    await superblockAt(store, offset);
  } catch (e) {
    if (isLost(e)) return;
    throw e;
  }
  await store.write(offset, [new Uint8Array(pageSize)]);
  await store.barrier();
}

/** Whether the page is there; one that can't be read is not. */
async function holds(store: Store, offset: ImageOffset, page: Uint8Array): Promise<boolean> {
  const found = new Uint8Array(pageSize);
  try {
    await store.read(offset, found);
  } catch (e) {
    if (isLost(e)) return false;
    throw e;
  }
  return Buffer.compare(found, page) === 0;
}

/** Check the page of a superblock against an image of `imageBytes`. VolumeError says what is wrong, in words for people. */
function parseSuperblock(page: Uint8Array, imageBytes: number, name: string): Superblock {
  const view = new DataView(page.buffer, page.byteOffset, pageSize);
  const found = Superblock.read(view, 0);
  if (found.magic !== superblockMagic) {
    throw new VolumeError('not-varve', `${name}: not a Varve image (no superblock found); mkfs.varve makes one`);
  }
  if (found.version > formatVersion) {
    throw new VolumeError(
      'newer-version',
      `${name}: format version ${found.version} is newer than this program's ${formatVersion}; use a newer varve`,
    );
  }
  if (found.version < formatVersion) {
    throw new VolumeError(
      'unknown-feature',
      `${name}: format version ${found.version} is older than this program's ${formatVersion}; use the varve that made it`,
    );
  }
  if (found.checksum !== selfChecksum(page, Superblock.offsetOf.checksum)) {
    throw new VolumeError('corrupt', `${name}: the superblock does not verify; run fsck.varve`);
  }
  const unknown = unknownBits(found.incompatible, incompatibleFeatures);
  if (unknown !== 0) {
    throw new VolumeError(
      'unknown-feature',
      `${name}: needs features unknown to this program (incompatible bits 0x${unknown.toString(16)}); use a newer varve`,
    );
  }
  if (found.imagePages * pageSize > imageBytes) {
    throw new VolumeError(
      'truncated',
      `${name}: the image has ${imageBytes} bytes, its superblock says ${found.imagePages * pageSize}: it was cut short; restore the whole file`,
    );
  }
  const problem = geometryProblem(found, imageBytes);
  if (problem !== undefined)
    throw new VolumeError('corrupt', `${name}: the superblock is inconsistent: ${problem}; run fsck.varve`);
  return found;
}

/** A superblock with what seals and opens the volume's pages, where they are encrypted. */
export type OpenSuperblock = Superblock & Pick<Geometry, 'sealer'>;

/** Read and check the superblock, and find the key of an encrypted volume in the keyring. Throws as `lookAtSuperblock`, and VolumeError 'wrong-key'. */
export async function readSuperblock(store: Store): Promise<OpenSuperblock> {
  const superblock = await lookAtSuperblock(store);
  if (!isEncrypted(superblock)) return superblock;
  const key = keyOf(superblock.uuid);
  if (key === undefined)
    throw new VolumeError('wrong-key', `${store.name} is encrypted: a passphrase or a key file is needed`);
  return { ...superblock, sealer: key.opening() };
}

/**
 * Read and check the superblock, whether or not the volume can be opened; the copy at the end of the image serves when the first can't be read or does not
 * verify. Throws VolumeError, and the store's errors; with neither of the two any good, what is wrong with the first.
 */
export async function lookAtSuperblock(store: Store): Promise<Superblock> {
  if (store.size < 2 * pageSize)
    throw new VolumeError('not-varve', `${store.name}: not a Varve image (${store.size} bytes)`);
  try {
    return await superblockAt(store, 0);
  } catch (first) {
    if (!isLost(first)) throw first;
    try {
      return await superblockAt(store, (Math.floor(store.size / pageSize) - 1) * pageSize);
    } catch (second) {
      if (second instanceof VolumeError || isLost(second)) throw first;
      throw second;
    }
  }
}

async function superblockAt(store: Store, offset: ImageOffset): Promise<Superblock> {
  const bytes = new Uint8Array(pageSize);
  await store.read(offset, bytes);
  return parseSuperblock(bytes, store.size, store.name);
}

/** Of these pages the other may still be good. */
const isLost = (e: unknown): boolean =>
  e instanceof VolumeError
    ? e.problem === 'not-varve' || e.problem === 'corrupt'
    : e instanceof FsError && e.code === 'EIO';

/** A writer must know these bits; a reader need not. */
export const mustBeReadOnly = (superblock: Superblock): boolean =>
  unknownBits(superblock.readOnlyCompatible, readOnlyCompatibleFeatures) !== 0;
