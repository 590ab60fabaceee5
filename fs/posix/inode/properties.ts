/**
 * Properties of files and directories that are Varve's own, by names in the namespace `varve.` of extended attributes,
 * as btrfs has `btrfs.compression`. They are kept in the inode record, are inherited by what is made in a directory,
 * and are not listed, so that nobody copies them by accident.
 *
 * `varve.compression`: a chain such as `lz4` or `deflate:9`, or `none`; empty: as the volume does. It tells what
 * happens to what is written from then on.
 */
import { FsError, VolumeError } from '../../errors.js';
import { inodeFlag } from '../../format/item.js';
import { Suspend } from '../../suspend.js';
import { none } from '../../transform/chain.js';
import type { InodeNumber } from '../../units.js';
import type { Context } from './context.js';
import { InodeEdit } from './inode-edit.js';
import { refuseFixed } from './inode-flags.js';
import { sameName } from './xattr-name.js';

const prefix = new TextEncoder().encode('varve.');
const compression = new TextEncoder().encode('varve.compression');
/** As the volume does. */
export const usual = new Uint8Array(0);

export function isPropertyName(name: Uint8Array): boolean {
  return name[0] === prefix[0] && name.length > prefix.length && sameName(name.subarray(0, prefix.length), prefix);
}

/** The value as text. Throws ENODATA when the inode has none of its own, EOPNOTSUPP for another name. */
export function getProperty(context: Context, number: InodeNumber, name: Uint8Array): Uint8Array {
  check(name, number);
  const { flags, transform } = context.inodes.get(number, 'getxattr').record;
  const chosen = (flags & inodeFlag.noCompress) !== 0 ? none : context.volume.transforms.chains.at(transform)?.name;
  if (chosen === undefined) throw new FsError('ENODATA', 'getxattr', number);
  return new TextEncoder().encode(chosen);
}

/** Throws Suspend while a new chain becomes durable, EINVAL for what there can't be, EOPNOTSUPP for another name. */
export function setProperty(context: Context, number: InodeNumber, name: Uint8Array, value: Uint8Array): void {
  check(name, number);
  const { volume } = context;
  volume.mustBeWritable('setxattr');
  const inode = context.inodes.get(number, 'setxattr');
  refuseFixed(inode, 'setxattr');
  if (!inode.isRegular && !inode.isDirectory) throw new FsError('EINVAL', 'setxattr', number);
  const text = new TextDecoder().decode(value);
  const transform = text === '' || text === none ? 0 : chainNumber(context, number, text);
  const edit = new InodeEdit(context);
  edit.batch.frees = true;
  const record = edit.changed(inode, volume.now());
  record.flags &= ~(inodeFlag.noCompress | inodeFlag.compress);
  if (text === none) record.flags |= inodeFlag.noCompress;
  record.transform = transform;
  edit.apply();
}

function chainNumber({ volume: { transforms } }: Context, number: InodeNumber, text: string): number {
  try {
    const known = transforms.chains.find(text);
    if (known !== undefined) return known.number;
  } catch (e) {
    // Native packages are loaded when they are first asked for.
    if (!(e instanceof VolumeError) || transforms.chains.registry.isReady) throw invalid(e, number);
  }
  const entered = transforms.demand(text).catch((e: unknown) => {
    throw e instanceof VolumeError ? invalid(e, number) : e;
  });
  throw new Suspend(entered, 'a chain of transforms');
}

const invalid = (e: unknown, number: InodeNumber): FsError =>
  new FsError('EINVAL', 'setxattr', number, e instanceof Error ? e.message : String(e));

function check(name: Uint8Array, number: InodeNumber): void {
  if (!sameName(name, compression)) throw new FsError('EOPNOTSUPP', 'xattr', number);
}
