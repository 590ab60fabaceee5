/** Operations on what is in a file, most of them by its handle. */
import { constants } from 'node:fs';
import { run } from '../../suspend.js';
import type { Call } from './operation.js';

const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND } = constants;
const O_ACCMODE = O_WRONLY | O_RDWR;

export const open = (call: Call): number => {
  const { filesystem, handles, paths, record } = call;
  const attributes = paths.attributes(record.path);
  const { inode } = attributes;
  const flags = record.openFlags;
  call.guard?.open(attributes, flags);
  if ((flags & O_ACCMODE) !== O_RDONLY) filesystem.checkOpen(inode, (flags & O_APPEND) !== 0);
  call.opened = handles.open(filesystem, inode);
  return 0;
};

export const release = ({ filesystem, handles, record }: Call): number => {
  handles.close(filesystem, record.handle);
  return 0;
};

export const read = async ({ filesystem, handles, record, lent, counters }: Call): Promise<number> => {
  const inode = handles.inode(record.handle);
  const { offset } = record;
  const count = await run(() => filesystem.read(inode, offset, lent));
  counters.bytesRead += count;
  return count;
};

/**
 * All of it: libfuse takes a short write for an error of ours. Of setuid and setgid the kernel has taken away only what
 * the mode says by itself; what depends on the caller's groups is left to us.
 */
export const write = async ({ filesystem, handles, record, lent, counters, who }: Call): Promise<number> => {
  const inode = handles.inode(record.handle);
  const { offset } = record;
  const kill = who.uid !== 0;
  for (let done = 0; done < lent.length; ) {
    done += await run(() => filesystem.write(inode, offset + done, lent.subarray(done), who, kill));
  }
  counters.bytesWritten += lent.length;
  return lent.length;
};

export const fsync = ({ filesystem, handles, hidden, record }: Call): Promise<number> => {
  hidden.removeAll();
  return filesystem.fsync(handles.inode(record.handle), record.mode !== 0).then(done);
};

/** Of a directory. */
export const fsyncdir = ({ filesystem, hidden }: Call): Promise<number> => {
  hidden.removeAll();
  return filesystem.sync().then(done);
};

const done = (): number => 0;
