/** From options and size to the superblock, and that for a reader: where everything will lie. */
import { randomBytes } from 'node:crypto';
import { pairs } from '../fs/cli/output.js';
import { counted, formatSize } from '../fs/cli/size.js';
import { formatUuid } from '../fs/cli/uuid.js';
import { VolumeError } from '../fs/errors.js';
import { incompatibleFeatures } from '../fs/format/features.js';
import { capacityPages, type Geometry, planGeometry, segmentPages } from '../fs/format/geometry.js';
import {
  formatVersion,
  type Superblock,
  Superblock as SuperblockRecord,
  superblockMagic,
  TransformEntry,
} from '../fs/format/superblock.js';
import { enterChain } from '../fs/transform/chain.js';
import { pageShift, pageSize } from '../fs/units.js';
import type { MkfsOptions } from './options.js';

/** Plan a volume for `imageBytes`. Throws VolumeError 'too-small'. */
export function planVolume(imageBytes: number, options: MkfsOptions, createdSeconds: number): Superblock {
  return {
    magic: superblockMagic,
    version: formatVersion,
    checksum: 0,
    pageShift,
    defaultTransform: options.compression === undefined ? 0 : firstChain,
    compatible: 0,
    readOnlyCompatible: 0,
    incompatible: options.compression === undefined ? 0 : incompatibleFeatures.transforms,
    uuid: options.uuid,
    label: options.label,
    createdSeconds,
    nameSeed: randomSeed(),
    transforms: transformTable(options),
    keySlots: new Uint8Array(SuperblockRecord.fields.keySlots.size),
    flags: 0,
    ...geometry(imageBytes, options.segmentShift),
  };
}

const firstChain = 1;

function transformTable({ compression }: MkfsOptions): Uint8Array {
  const table = new Uint8Array(SuperblockRecord.fields.transforms.size);
  if (compression !== undefined) enterChain(table, { ...compression, number: firstChain });
  return table;
}

function geometry(imageBytes: number, segmentShift: number | undefined): Geometry {
  try {
    return planGeometry(imageBytes, segmentShift);
  } catch (e) {
    if (!(e instanceof RangeError)) throw e;
    throw new VolumeError('too-small', `${formatSize(imageBytes)} is too small: ${e.message}`);
  }
}

/** 53 random bits. */
function randomSeed(): number {
  const random = randomBytes(8);
  return random.readUInt32LE(0) + (random.readUInt32LE(4) % 2 ** 21) * 2 ** 32;
}

/** What was made, line by line. */
export function describeVolume(image: string, superblock: Superblock): string {
  const segment = segmentPages(superblock) * pageSize;
  const { transforms } = superblock;
  const table = new DataView(transforms.buffer, transforms.byteOffset, transforms.length);
  const compression = TransformEntry.read(table, superblock.defaultTransform * TransformEntry.size).name;
  return pairs([
    ['image', image],
    ['label', superblock.label === '' ? '(none)' : superblock.label],
    ['UUID', formatUuid(superblock.uuid)],
    ...(superblock.defaultTransform === 0 ? [] : [['compression', compression] as [string, string]]),
    ['size', formatSize(superblock.imagePages * pageSize)],
    ['usable', formatSize(capacityPages(superblock) * pageSize)],
    [
      'segments',
      `${counted(superblock.places, 'place')} of ${formatSize(segment)}, ${superblock.reservedSegments} in reserve`,
    ],
  ]);
}
