/** The superblock of a volume that lives for one run: a fixed identity, so that runs of one seed are alike byte for byte. */
import { planGeometry } from '../../fs/format/geometry.js';
import { formatVersion, superblockMagic } from '../../fs/format/superblock.js';
import type { OpenSuperblock } from '../../fs/volume/superblock.js';
import { askedTransforms } from './transforms.js';

/**
 * For a store of `bytes`; segments of 2^`segmentShift` pages, or as mkfs chooses, and at most `places` (at least 64) of
 * them: a small volume is quickly full, and quickly walked. `transforms`: as in VARVE_TRANSFORMS, which counts unless told. Throws RangeError if the store is too small.
 */
export function fixedSuperblock(
  bytes: number,
  segmentShift?: number,
  places = Number.POSITIVE_INFINITY,
  transforms?: readonly string[],
): OpenSuperblock {
  const uuid = new Uint8Array(16).fill(7);
  const geometry = planGeometry(bytes, segmentShift);
  return {
    ...geometry,
    places: Math.min(places, geometry.places),
    magic: superblockMagic,
    version: formatVersion,
    checksum: 0,
    pageShift: 12,
    compatible: 0,
    readOnlyCompatible: 0,
    uuid,
    ...askedTransforms(uuid, transforms),
    label: 'test',
    createdSeconds: 1_700_000_000,
    nameSeed: 12345,
    brand: 67890,
    keySlots: new Uint8Array(8 * 192),
    flags: 0,
  };
}
