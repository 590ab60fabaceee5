/** Transformed units of a volume: their bytes as they were before they were encrypted, and their pages decoded. */
import { FsError } from '../errors.js';
import {
  extentSealed,
  extentStoredPages,
  extentTransform,
  unitPlainBytes,
  unitPresent,
  unitSeal,
  unitSkip,
  unitStoredBytes,
} from '../posix/inode/extent-value.js';
import { decodeUnit, openUnit } from '../transform/unit.js';
import { extentPages, type InodeNumber, type PageNumber, pageSize } from '../units.js';
import type { VolumeApi } from '../volume/api.js';
import { storedPages } from './stored-pages.js';

/** Pages that a file has of a unit, in a row: `first` of the file, and where in the decoded unit. */
export interface PresentRun {
  readonly first: PageNumber;
  readonly pages: number;
  /** Byte of the decoded unit. */
  readonly at: number;
}

/** What a unit is compressed to, without encryption and padding. Rejects with EIO. */
export async function compressedUnit(
  volume: VolumeApi,
  inode: InodeNumber,
  first: PageNumber,
  value: Uint8Array,
): Promise<Uint8Array> {
  const stored = await storedPages(volume, inode, first, value, 0, extentStoredPages(value));
  const { sealer } = volume.transforms;
  if (extentSealed(value) && (sealer === undefined || !openUnit(sealer, stored, unitSeal(value))))
    throw new FsError('EIO', 'send', inode, `its contents from page ${first} on are not authentic`);
  return stored.subarray(0, unitStoredBytes(value));
}

/** The decoded unit. Rejects with EIO. */
export async function plainUnit(
  volume: VolumeApi,
  inode: InodeNumber,
  first: PageNumber,
  value: Uint8Array,
): Promise<Uint8Array> {
  const chain = volume.transforms.chains.at(extentTransform(value));
  if (chain === undefined) throw new FsError('EIO', 'send', inode, `transform ${extentTransform(value)} is not known`);
  const bytes = await compressedUnit(volume, inode, first, value);
  const plain = new Uint8Array(unitPlainBytes(value));
  try {
    decodeUnit(chain, bytes, plain);
  } catch (e) {
    // Whatever a decoder throws, what it was given is not what was written.
    throw new FsError('EIO', 'send', inode, `page ${first}: not what ${chain.name} makes: ${String(e)}`);
  }
  return plain;
}

/** The runs of a unit that the file has. `present`: a bit for each page from `first` on; `skip`: of the decoded unit. */
function runsOf(first: PageNumber, skip: number, present: number): PresentRun[] {
  const runs: PresentRun[] = [];
  for (let from = 0; from < extentPages; ) {
    let end = from;
    while (end < extentPages && ((present >>> end) & 1) === 1) end++;
    if (end > from) runs.push({ first: first + from, pages: end - from, at: (skip + from) * pageSize });
    from = end + 1;
  }
  return runs;
}

export const presentRuns = (first: PageNumber, value: Uint8Array): PresentRun[] =>
  runsOf(first, unitSkip(value), unitPresent(value));
