/**
 * Verifies the pages of files: those that the extents of a leaf name, read from the medium and compared with the
 * checksums in the extents.
 *
 * Files are written, truncated and moved meanwhile. So a page that does not verify is looked up once more in the
 * tree as it is by then: if another page has taken its place, or nothing, it is nobody's concern any more; if it lay
 * elsewhere, or failed only once, it is read again.
 */
import { FsError } from '../errors.js';
import { checksum } from '../format/checksum.js';
import { itemKind } from '../format/item.js';
import { ExtentCursor } from '../posix/inode/extent-map.js';
import {
  extentAddress,
  extentBirth,
  extentBytes,
  extentPageChecksum,
  extentSealed,
  extentStoredPages,
  extentTransform,
  unitSeal,
} from '../posix/inode/extent-value.js';
import { run } from '../suspend.js';
import { openUnit } from '../transform/unit.js';
import { keyInode, keyKind, keyOffset } from '../tree/key.js';
import type { Node } from '../tree/node.js';
import {
  type Address,
  extentPages,
  type Generation,
  type ImageOffset,
  type InodeNumber,
  type PageNumber,
  pageSize,
} from '../units.js';
import type { VolumeApi } from '../volume/api.js';
import type { VolumeState } from '../volume/state.js';
import { hex, mediumOf, offsetOf } from './tree-sweep.js';

/** Pages of a file that follow each other in the log, and their CRC32Cs. */
export interface DataRun {
  readonly inode: InodeNumber;
  readonly page: PageNumber;
  readonly address: Address;
  /** They store a transformed unit, of which the file has pages from `page` on. */
  readonly isUnit: boolean;
  readonly sums: Uint32Array;
  /** Of an encrypted unit. */
  readonly seal: Uint8Array | undefined;
}

export interface BadPage {
  readonly inode: InodeNumber;
  readonly page: PageNumber;
  readonly address: Address;
  readonly offset: ImageOffset | undefined;
  readonly problem: string;
}

/** The stored extents of a leaf born after `floor`, copied out of it. One that contradicts itself is a matter for fsck. */
export function dataRuns(leaf: Node, floor: Generation = 0): DataRun[] {
  const runs: DataRun[] = [];
  for (let i = 0; i < leaf.count; i++) {
    if (keyKind(leaf.keyWord(i, 1)) !== itemKind.extent) continue;
    const value = leaf.value(i);
    const address = extentAddress(value);
    if (address === 0 || extentBirth(value) <= floor) continue;
    const pages = extentStoredPages(value);
    const isUnit = extentTransform(value) !== 0;
    if (pages > extentPages || value.length !== extentBytes(value)) continue;
    const sums = new Uint32Array(pages);
    for (let k = 0; k < sums.length; k++) sums[k] = extentPageChecksum(value, k);
    runs.push({
      inode: keyInode(leaf.keyWord(i, 0), leaf.keyWord(i, 1)),
      page: keyOffset(leaf.keyWord(i, 2), leaf.keyWord(i, 3)),
      address,
      isUnit,
      sums,
      seal: extentSealed(value) ? unitSeal(value).slice() : undefined,
    });
  }
  return runs;
}

const attempts = 3;

export class DataVerifier {
  private readonly buffer = new Uint8Array(extentPages * pageSize);

  constructor(
    private readonly state: VolumeState,
    /** The root that has the files. */
    private readonly root: VolumeApi,
    private readonly bad: (page: BadPage) => void | Promise<void>,
  ) {}

  /** Verify all pages of a run; `bad` hears of those that fail. */
  async verify(data: DataRun): Promise<void> {
    const wrong = await this.wrongPages(data, 0, data.sums.length);
    if (wrong.length === 0 && data.seal !== undefined) await this.authenticate(data, data.seal);
    for (const index of wrong) await this.verifyAgain(data, index);
  }

  /** The pages of an encrypted unit, which all have the right checksums, are in the buffer. */
  private async authenticate(data: DataRun, seal: Uint8Array): Promise<void> {
    const { state } = this;
    const { sealer } = state.geometry;
    const { inode, page, address, sums } = data;
    const stored = this.buffer.subarray(0, sums.length * pageSize);
    if (sealer === undefined || openUnit(sealer, stored, seal) || !(await this.isCurrent(data, 0))) return;
    const offset = offsetOf(state, await run(() => state.log.where(address)));
    await this.bad({ inode, page, address, offset, problem: 'it is not authentic' });
  }

  /** Indices of pages that did not verify, and perhaps do when they are looked up again. */
  private async wrongPages(data: DataRun, from: number, count: number): Promise<number[]> {
    const into = this.buffer.subarray(0, count * pageSize);
    const all = Array.from({ length: count }, (_, i) => from + i);
    if ((await this.read(data.address + from, into)) !== undefined) return all;
    return all.filter(
      (index) => checksum(into.subarray((index - from) * pageSize, (index - from + 1) * pageSize)) !== data.sums[index],
    );
  }

  private async verifyAgain(data: DataRun, index: number): Promise<void> {
    const { state } = this;
    const address = data.address + index;
    const page = data.isUnit ? data.page : data.page + index;
    const bytes = this.buffer.subarray(0, pageSize);
    for (let failed = 0; ; ) {
      const lay = await run(() => state.log.where(address));
      const failure = await this.read(address, bytes);
      const found = checksum(bytes);
      if (failure === undefined && found === data.sums[index]) return;
      if (!(await this.isCurrent(data, index))) return;
      if (lay !== (await run(() => state.log.where(address)))) continue;
      if (++failed < attempts) continue;
      const problem = failure ?? `CRC32C ${hex(found)} instead of ${hex(data.sums[index])}`;
      await this.bad({ inode: data.inode, page, address, offset: offsetOf(state, lay), problem });
      return;
    }
  }

  /** Why the pages could not be read; undefined: they were. */
  private async read(address: Address, into: Uint8Array): Promise<string | undefined> {
    const { state } = this;
    try {
      await run(() => state.log.read(address, into.length / pageSize, into, mediumOf(state)));
      return undefined;
    } catch (e) {
      if (e instanceof FsError) return e.message;
      throw e;
    }
  }

  /** Whether the file still has that page; so it is taken to be where the tree can't be read. */
  private isCurrent({ inode, page, address, isUnit }: DataRun, index: number): Promise<boolean> {
    return hasPage(this.root, inode, isUnit ? page : page + index, address + index);
  }
}

/** Whether the file has what is stored at that address there; so it is taken to be where the tree can't be read. */
export async function hasPage(
  root: VolumeApi,
  inode: InodeNumber,
  page: PageNumber,
  address: Address,
): Promise<boolean> {
  try {
    return await run(() => has(root, inode, page, address));
  } catch (e) {
    if (!(e instanceof FsError)) throw e;
    // The root is gone.
    if (e.code === 'ESTALE') return false;
    if (e.code === 'EUCLEAN' || e.code === 'EIO') return true;
    throw e;
  }
}

/** A unit keeps its address while its first pages, or others, are cut off. May throw Suspend. */
function has(root: VolumeApi, inode: InodeNumber, page: PageNumber, address: Address): boolean {
  const cursor = new ExtentCursor(root, inode);
  for (let more = cursor.find(page); more && cursor.first < page + extentPages; more = cursor.next()) {
    const at = address - cursor.address;
    if (cursor.address === 0 || at < 0) continue;
    if (cursor.transform !== 0 ? at < extentStoredPages(cursor.value) : at === page - cursor.first && page < cursor.end)
      return true;
  }
  return false;
}
