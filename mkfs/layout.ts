/** From options and size to the superblock, and that for a reader: where everything will lie. */
import { randomBytes } from 'node:crypto';
import { pairs } from '../fs/cli/output.js';
import { counted, formatSize } from '../fs/cli/size.js';
import { formatUuid } from '../fs/cli/uuid.js';
import { VolumeError } from '../fs/errors.js';
import { incompatibleFeatures, isEncrypted } from '../fs/format/features.js';
import { capacityPages, type Layout, planGeometry, segmentPages } from '../fs/format/geometry.js';
import {
  formatVersion,
  type Superblock,
  Superblock as SuperblockRecord,
  superblockMagic,
  TransformEntry,
} from '../fs/format/superblock.js';
import { aesGcmName } from '../fs/transform/aes-gcm.js';
import { type Chain, enterChain, sealedAlone } from '../fs/transform/chain.js';
import { pageShift, pageSize } from '../fs/units.js';
import { quotaFlags } from '../fs/volume/usage.js';
import type { MkfsOptions } from './options.js';

/** Plan a volume for `imageBytes`. Throws VolumeError 'too-small'. */
export function planVolume(imageBytes: number, options: MkfsOptions, createdSeconds: number): Superblock {
  const chains = chainsOf(options);
  return {
    magic: superblockMagic,
    version: formatVersion,
    checksum: 0,
    pageShift,
    defaultTransform: chains.length,
    compatible: 0,
    readOnlyCompatible: 0,
    incompatible: incompatible(chains),
    uuid: options.uuid,
    label: options.label,
    createdSeconds,
    nameSeed: randomSeed(),
    brand: randomSeed(),
    transforms: transformTable(chains),
    keySlots: new Uint8Array(SuperblockRecord.fields.keySlots.size),
    flags: quotaFlags(options.quotas),
    ...geometry(imageBytes, options.segmentShift),
  };
}

/** The chains that a new volume knows; new data goes through the last one. */
function chainsOf({ compression, secret }: MkfsOptions): Chain[] {
  const chains: Chain[] = secret === undefined ? [] : [sealedAlone];
  if (compression !== undefined)
    chains.push({ ...compression, number: chains.length + 1, sealed: secret !== undefined });
  return chains;
}

function incompatible(chains: readonly Chain[]): number {
  const { transforms, encryption } = incompatibleFeatures;
  return (chains.length > 0 ? transforms : 0) + (chains.some(({ sealed }) => sealed) ? encryption : 0);
}

function transformTable(chains: readonly Chain[]): Uint8Array {
  const table = new Uint8Array(SuperblockRecord.fields.transforms.size);
  for (const chain of chains) enterChain(table, chain);
  return table;
}

function geometry(imageBytes: number, segmentShift: number | undefined): Layout {
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
    ...(isEncrypted(superblock) ? [['encryption', aesGcmName] as [string, string]] : []),
    ...(compression === '' || compression === aesGcmName ? [] : [['compression', compression] as [string, string]]),
    ['size', formatSize(superblock.imagePages * pageSize)],
    ['usable', formatSize(capacityPages(superblock) * pageSize)],
    [
      'segments',
      `${counted(superblock.places, 'place')} of ${formatSize(segment)}, ${superblock.reservedSegments} in reserve`,
    ],
  ]);
}
