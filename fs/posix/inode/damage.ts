/** What was read of a file is not what was written: said to the log, with place and figures, and to the caller as EIO. */
import { CorruptionError, FsError } from '../../errors.js';
import type { Address, InodeNumber, PageNumber } from '../../units.js';
import type { Context } from './context.js';
import type { Inode } from './inode.js';

/** Report what was found; the caller of the read gets EIO. */
export function corrupt(
  context: Context,
  inode: Inode,
  page: PageNumber,
  address: Address,
  expected: number,
  found: number,
): FsError {
  const hex = (sum: number): string => sum.toString(16).padStart(8, '0');
  const where = `inode ${inode.number}, page ${page}, address ${address}`;
  const problem = `CRC32C ${hex(found)} instead of ${hex(expected)}`;
  context.onCorruption(new CorruptionError('file data', where, problem), inode.number);
  return new FsError('EIO', 'read', inode.number, `checksum of page ${page}`);
}

/** The same of a unit that has the right checksum, and yet says nothing that makes sense. */
export function senseless(
  context: Context,
  inode: InodeNumber,
  page: PageNumber,
  address: Address,
  problem: string,
): FsError {
  const where = `inode ${inode}, page ${page}, address ${address}`;
  context.onCorruption(new CorruptionError('unit of file data', where, problem), inode);
  return new FsError('EIO', 'read', inode, `a transformed unit ${problem}`);
}
