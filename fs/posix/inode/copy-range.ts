/**
 * copy_file_range: in steps of up to 1 MiB, through the same reads and writes as everyone's. Holes of the source
 * become holes of the target. Ends at the end of the source, as it is when that is reached.
 */
import { FsError } from '../../errors.js';
import { run } from '../../suspend.js';
import { type ByteOffset, type InodeNumber, maxFileSize, pageSize } from '../../units.js';
import type { Credentials } from '../api.js';
import { touchModified } from './attributes.js';
import type { Context } from './context.js';
import { readFile } from './file-read.js';
import { writeFile } from './file-write.js';
import type { Inode } from './inode.js';
import { refuseFixed } from './inode-flags.js';
import { punch, zeroEdges } from './punch.js';
import { nextData, nextHole } from './seek.js';
import { killPrivileges } from './setattr.js';
import { doSteps, flushing, type Steps } from './steps.js';
import { writeNow } from './write-now.js';

const stepBytes = 1024 * 1024;

export async function copyRange(
  context: Context,
  from: InodeNumber,
  fromOffset: ByteOffset,
  to: InodeNumber,
  toOffset: ByteOffset,
  length: number,
  who: Credentials,
): Promise<number> {
  if (from === to && fromOffset < toOffset + length && toOffset < fromOffset + length) {
    throw new FsError('EINVAL', 'copy_file_range', from, 'ranges overlap');
  }
  context.volume.mustBeWritable('copy_file_range');
  const wanted = Math.min(length, maxFileSize - toOffset);
  if (wanted <= 0 && length > 0) throw new FsError('EFBIG', 'copy_file_range', to);
  await run(() => {
    const inode = regular(context, to);
    refuseFixed(inode, 'copy_file_range');
    if (who.uid !== 0) killPrivileges(context, inode, who);
  });
  const buffer = new Uint8Array(Math.min(stepBytes, wanted));
  let done = 0;
  while (done < wanted) {
    try {
      const step = await copyStep(context, from, fromOffset + done, to, toOffset + done, wanted - done, buffer, who);
      if (step === 0) break;
      done += step;
      // There after a crash or not: a copy of more than a step is as many operations.
      if (context.volume.journal === 'data') break;
    } catch (e) {
      // As with write: what was copied counts, and the next call meets the failure again.
      if (e instanceof FsError && done > 0) break;
      throw e;
    }
    await context.breathe();
  }
  return done;
}

/** Copy up to a buffer of data, or a hole. Returns the bytes copied; 0 at the end of the source. */
async function copyStep(
  context: Context,
  from: InodeNumber,
  source: ByteOffset,
  to: InodeNumber,
  target: ByteOffset,
  wanted: number,
  buffer: Uint8Array,
  who: Credentials,
): Promise<number> {
  const hole = await run(() => holeAt(context, regular(context, from), source));
  if (hole > 0) {
    const count = Math.min(hole, wanted);
    await skip(context, to, target, count, who);
    return count;
  }
  const data = await run(() => dataAt(context, regular(context, from), source));
  const part = buffer.subarray(0, Math.min(buffer.length, wanted, Math.max(data, 1)));
  const read = await run(() => readFile(context, regular(context, from), source, part));
  if (read === 0) return 0;
  return run(() => writeStep(context, regular(context, to), target, part.subarray(0, read), who));
}

function regular(context: Context, number: InodeNumber): Inode {
  const inode = context.inodes.get(number, 'copy_file_range');
  if (inode.isDirectory) throw new FsError('EISDIR', 'copy_file_range', number);
  if (!inode.isRegular) throw new FsError('EINVAL', 'copy_file_range', number);
  return inode;
}

/** Bytes of the hole that begins at `offset`, up to the end of the file; 0 if there is data, or the end. */
function holeAt(context: Context, inode: Inode, offset: ByteOffset): number {
  const { size } = inode.record;
  if (offset >= size) return 0;
  const data = nextData(context, inode, Math.floor(offset / pageSize)) * pageSize;
  return Math.max(0, Math.min(size, data) - offset);
}

/** Bytes from `offset` to the next hole. */
const dataAt = (context: Context, inode: Inode, offset: ByteOffset): number =>
  nextHole(context, inode, Math.floor(offset / pageSize)) * pageSize - offset;

function writeStep(context: Context, inode: Inode, offset: ByteOffset, data: Uint8Array, who: Credentials): number {
  if (context.volume.journal === 'data') return writeNow(context, inode, offset, data, true, who);
  writeFile(context, inode, offset, data, who);
  wrote(context, inode);
  return data.length;
}

function wrote(context: Context, inode: Inode): void {
  touchModified(inode, context.volume.now());
  context.writeback.note(inode);
  context.writeback.wrote();
}

/** Make the target read as zeros there. What needs room comes first: a full volume has nothing of the step. */
async function skip(
  context: Context,
  to: InodeNumber,
  offset: ByteOffset,
  count: number,
  who: Credentials,
): Promise<void> {
  const end = offset + count;
  const inode = await run(() => {
    const found = regular(context, to);
    // Here and not after the wait: the table might forget it in between.
    found.busy++;
    return found;
  });
  // What was reserved behind the old end reads as zeros and stays.
  const punched = Math.min(end, Math.ceil(inode.record.size / pageSize) * pageSize);
  try {
    await doSteps(context, () => skipping(context, inode, offset, end, punched, who));
  } finally {
    inode.busy--;
  }
}

function* skipping(
  context: Context,
  inode: Inode,
  offset: ByteOffset,
  end: ByteOffset,
  punched: ByteOffset,
  who: Credentials,
): Steps {
  yield () => {
    zeroEdges(context, inode, offset, end, end, who);
    wrote(context, inode);
  };
  yield* punch(context, inode, offset, punched);
  if (context.volume.journal === 'data') yield flushing(context, inode);
}
