/**
 * What compression does for a volume: how much its files hold and how much that takes, by chain of transforms. Read
 * from the extents alone, as compsize does for btrfs; nothing is decoded.
 */
import { itemKind } from '../format/item.js';
import {
  extentAddress,
  extentPageCount,
  extentStoredPages,
  extentTransform,
  unitPresent,
} from '../posix/inode/extent-value.js';
import { run } from '../suspend.js';
import { type InodeNumber, pageSize } from '../units.js';
import type { VolumeApi } from '../volume/api.js';

/** One chain's part. */
export interface ChainUse {
  /** `none`: stored as it is. */
  readonly chain: string;
  readonly extents: number;
  /** Bytes of files, in whole pages. */
  readonly plainBytes: number;
  readonly storedBytes: number;
}

/** Items that are looked at in one go. */
const itemsAtOnce = 2000;

interface Sum {
  extents: number;
  plain: number;
  stored: number;
}

/** All files, or only `inode`. `breathe`: let others have their turn. */
export async function compressionUse(
  volume: VolumeApi,
  breathe: () => Promise<void>,
  inode?: InodeNumber,
): Promise<ChainUse[]> {
  const sums = new Map<number, Sum>();
  let next: { inode: InodeNumber; kind: number; offset: number } | undefined = {
    inode: inode ?? 1,
    kind: itemKind.extent,
    offset: 0,
  };
  while (next !== undefined) {
    const from: { inode: InodeNumber; kind: number; offset: number } = next;
    const found = await run(() => look(volume, from, inode));
    for (const [transform, part] of found.sums) add(sums, transform, part);
    next = found.next;
    await breathe();
  }
  const { chains } = volume.transforms;
  const name = (number: number): string =>
    number === 0 ? 'none' : (chains.at(number)?.name ?? chains.missing.get(number) ?? `chain ${number}`);
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([number, { extents, plain, stored }]) => ({
      chain: name(number),
      extents,
      plainBytes: plain * pageSize,
      storedBytes: stored * pageSize,
    }));
}

function look(
  volume: VolumeApi,
  from: { inode: InodeNumber; kind: number; offset: number },
  only: InodeNumber | undefined,
): { sums: Map<number, Sum>; next: typeof from | undefined } {
  const sums = new Map<number, Sum>();
  const items = volume.seek(from.inode, from.kind, from.offset);
  for (let count = 0; items.valid && (only === undefined || items.inode === only); items.next()) {
    if (count++ === itemsAtOnce) return { sums, next: { inode: items.inode, kind: items.kind, offset: items.offset } };
    if (items.kind !== itemKind.extent || extentAddress(items.value) === 0) continue;
    const { value } = items;
    const transform = extentTransform(value);
    const plain = transform === 0 ? extentPageCount(value) : bitsIn(unitPresent(value));
    add(sums, transform, { extents: 1, plain, stored: extentStoredPages(value) });
  }
  return { sums, next: undefined };
}

function add(sums: Map<number, Sum>, transform: number, part: Sum): void {
  const sum = sums.get(transform);
  if (sum === undefined) {
    sums.set(transform, { ...part });
    return;
  }
  sum.extents += part.extents;
  sum.plain += part.plain;
  sum.stored += part.stored;
}

function bitsIn(word: number): number {
  let bits = 0;
  for (let left = word; left !== 0; left = (left & (left - 1)) >>> 0) bits++;
  return bits;
}
