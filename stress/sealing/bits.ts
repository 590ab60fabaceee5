/**
 * Flips single bits of an encrypted image and reads all of it: whatever is changed is not noticed as it does not matter, or is
 * told by an error, or costs the last operations as a power cut would; it is never other contents, neither alone nor beside
 * an error.
 *
 * All bits of both superblocks, of the checkpoints, of a node, of a summary and of a record; of each other page that is
 * read at all some at random. Pages that nobody reads can't do harm.
 */
import { FsError, VolumeError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, type Random } from '../../fs/store/random.js';
import { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { aesGcmName } from '../../fs/transform/aes-gcm.js';
import { pageSize } from '../../fs/units.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { dissect } from '../fuzz/anatomy.js';
import { makeBase } from '../fuzz/base.js';
import { walk } from '../fuzz/walk.js';
import { fixedSuperblock } from '../system/superblock.js';

export interface BitCount {
  flips: number;
  /** Everything reads as before. */
  harmless: number;
  /** Something is refused: the volume, or some of what is in it. */
  refused: number;
  /** An older state, which was whole: what a power cut may leave. */
  older: number;
  /** Anything else, in words. */
  readonly wrong: string[];
}

/** What is to be tried, in a form that a thread can be given. */
export interface BitPlan {
  readonly image: Uint8Array;
  readonly sound: Looked;
  /** States that were whole before the last record. */
  readonly before: ReadonlySet<string>;
  /** Inodes as they are in one of all these states: nothing else may be read, even where something else is refused. */
  readonly inodes: ReadonlySet<string>;
  /** Positions in bits, in the order in which they are tried. */
  readonly bits: readonly number[];
  /** Before this one in that order lie bits that only opening reads. */
  readonly forOpening: number;
}

/** Remembers which pages are read. */
class WatchedStore extends MemoryStore {
  readonly pages = new Set<number>();

  override read(offset: number, into: Uint8Array): Promise<void> | undefined {
    for (let at = offset; at < offset + into.length; at += pageSize) this.pages.add(Math.floor(at / pageSize));
    return super.read(offset, into);
  }
}

export interface Looked {
  readonly digest: string;
  readonly errors: number;
  /** As `sound` of a walk. */
  readonly inodes: readonly string[];
  /** All that opening has read, in so far as it is used afterwards. */
  readonly opened: string;
}

/** `known`: a volume that was opened just so, of bytes that only opening reads, needs no second look. */
async function look(store: MemoryStore, known?: Looked): Promise<Looked> {
  try {
    const volume = await Volume.open(store, { readOnly: true, cacheBytes: 1 << 18 });
    const { superblock, main, system, inodes, nextInode, rootId, tableMap, counters } = volume.state;
    const { sealer, ...fields } = superblock;
    const state = [fields, main.root, main.height, system.root, system.height, inodes, nextInode, rootId, counters];
    const opened = JSON.stringify([state, [...tableMap]]);
    if (opened === known?.opened) return known;
    const { digest, errors, sound } = await walk(new FileSystem(volume, { cacheBytes: 1 << 18 }));
    return { digest, errors: errors.length, inodes: sound, opened };
  } catch (e) {
    if (e instanceof VolumeError || e instanceof FsError) return { digest: '', errors: 1, inodes: [], opened: '' };
    throw e;
  }
}

/** `stride`: of the pages of which all bits are meant, each so many-th. */
export async function planFlips(random: Random, seed: number, stride: number): Promise<BitPlan> {
  const { bytes } = await makeBase(seed, false, [aesGcmName]);
  const watched = new WatchedStore(bytes.size, { bytes: bytes.copy() });
  const sound = await look(watched);
  if (sound.errors > 0) throw new Error('the image to be damaged is not sound');
  await examine(watched, { data: true });
  const { parts } = await dissect(new MemoryStore(bytes.size, { bytes: bytes.copy() }));
  const before = new Set<string>();
  const inodes = new Set(sound.inodes);
  const fixed = new Map<string, { offset: number; length: number }>();
  const samples = new Map<string, { offset: number; length: number }>();
  for (const part of parts) {
    if (part.what === 'journal record') {
      const cut = bytes.copy();
      cut.write(part.offset, new Uint8Array(part.length));
      const older = await look(new MemoryStore(bytes.size, { bytes: cut }));
      before.add(older.digest);
      for (const inode of older.inodes) inodes.add(inode);
    }
    if (/superblock|^checkpoint/.test(part.what)) fixed.set(`${part.what} ${part.offset}`, part);
    else if (/^(node of level 0|summary|journal record)$/.test(part.what)) samples.set(part.what, part);
  }
  const bits: number[] = [];
  const covered = new Set<number>();
  let forOpening = 0;
  let fixedLeft = fixed.size;
  for (const { offset, length } of [...fixed.values(), ...samples.values()]) {
    for (let bit = below(random, stride); bit < length * 8; bit += stride) bits.push(offset * 8 + bit);
    for (let at = offset; at < offset + length; at += pageSize) covered.add(Math.floor(at / pageSize));
    if (--fixedLeft === 0) forOpening = bits.length;
  }
  for (const page of watched.pages) {
    if (covered.has(page)) continue;
    for (let i = 0; i < 16; i++) bits.push(page * pageSize * 8 + below(random, pageSize * 8));
  }
  const image = new Uint8Array(bytes.size);
  bytes.read(0, image);
  return { image, sound, before, inodes, bits, forOpening };
}

export class BitFlips {
  readonly count: BitCount = { flips: 0, harmless: 0, refused: 0, older: 0, wrong: [] };
  private readonly bytes: SparseBytes;

  constructor(private readonly plan: BitPlan) {
    this.bytes = new SparseBytes(plan.image.length);
    this.bytes.write(0, plan.image);
    // The key is in the keyring only of the thread that made the image.
    fixedSuperblock(plan.image.length, undefined, undefined, [aesGcmName]);
  }

  /** Try those whose places in the order `next` gives, until it gives none. */
  async run(next: () => number | undefined): Promise<void> {
    for (let i = next(); i !== undefined && i < this.plan.bits.length; i = next()) await this.try(i);
  }

  private async try(i: number): Promise<void> {
    const { count, plan } = this;
    const bit = plan.bits[i];
    const bytes = this.bytes.copy();
    const at = new Uint8Array(1);
    bytes.read(bit >>> 3, at);
    at[0] ^= 1 << (bit & 7);
    bytes.write(bit >>> 3, at);
    const known = i < plan.forOpening ? plan.sound : undefined;
    const { digest, errors, inodes } = await look(new MemoryStore(bytes.size, { bytes }), known);
    count.flips++;
    if (errors > 0 && inodes.every((inode) => plan.inodes.has(inode))) count.refused++;
    else if (errors === 0 && digest === plan.sound.digest) count.harmless++;
    else if (errors === 0 && plan.before.has(digest)) count.older++;
    else count.wrong.push(`bit ${bit & 7} of byte ${bit >>> 3}`);
  }
}
