/** Operations on names in directories. */
import { FsError } from '../../errors.js';
import type { Attributes } from '../../posix/api.js';
import type { InodeNumber } from '../../units.js';
import { isHiddenName, type Place } from './hidden-names.js';
import type { Call } from './operation.js';

/** The kernel has applied the umask: libfuse 2 can't ask it to leave that to the filesystem. */
const noUmask = 0;

/** Where something new is made. */
const newPlace = (call: Call, path: Uint8Array): Place => {
  const place = call.paths.place(path);
  if (call.guard !== undefined) call.guard.create(call.filesystem.getattr(place.directory));
  call.hidden.beforeChange(call.record.buffer, place);
  return place;
};

export const mknod = (call: Call): number => {
  const { record, filesystem, who } = call;
  const { directory, name } = newPlace(call, record.path);
  filesystem.mknod(directory, name, record.mode, record.device, noUmask, who);
  return 0;
};

export const create = (call: Call): number => {
  const { record, filesystem, handles, who } = call;
  const { directory, name } = newPlace(call, record.path);
  call.opened = handles.open(filesystem, filesystem.mknod(directory, name, record.mode, 0, noUmask, who).inode);
  return 0;
};

export const mkdir = (call: Call): number => {
  const { record, filesystem, who } = call;
  const { directory, name } = newPlace(call, record.path);
  filesystem.mkdir(directory, name, record.mode, noUmask, who);
  return 0;
};

/** Of symlink(2), the path is what the link says. */
export const symlink = (call: Call): number => {
  const { record, filesystem, who } = call;
  const { directory, name } = newPlace(call, record.destination);
  filesystem.symlink(directory, name, record.path, who);
  return 0;
};

export const link = (call: Call): number => {
  const { record, filesystem, paths, who } = call;
  const inode = paths.inode(record.path);
  const { directory, name } = newPlace(call, record.destination);
  filesystem.link(inode, directory, name, who);
  return 0;
};

export const unlink = (call: Call): number => {
  const { filesystem, hidden, paths, record, who } = call;
  const place = paths.place(record.path);
  hidden.beforeChange(record.buffer, place);
  if (hidden.drop(place)) return 0;
  mayRemove(call, place);
  filesystem.unlink(place.directory, place.name, who);
  return 0;
};

export const rmdir = (call: Call): number => {
  const { filesystem, hidden, paths, record, who } = call;
  hidden.removeAll();
  const place = paths.place(record.path);
  mustNotBeInUse(call, paths.at(place).inode, 'rmdir');
  mayRemove(call, place);
  filesystem.rmdir(place.directory, place.name, who);
  return 0;
};

export const rename = (call: Call): number => {
  const { hidden, handles, paths, record, who } = call;
  const [from, to] = [paths.place(record.path), paths.place(record.destination)];
  const thread = record.buffer;
  if (isHiddenName(to.name)) {
    const { inode } = paths.at(from);
    if (handles.isOpen(inode)) {
      mayRemove(call, from);
      hidden.hide(thread, from, to, inode, who);
      return 0;
    }
  }
  hidden.beforeChange(thread, from, to);
  try {
    move(call, from, to);
  } catch (e) {
    // libfuse has hidden an open file that has the new name: it keeps it.
    if (e instanceof FsError) hidden.renamed(thread, to, true);
    throw e;
  }
  hidden.renamed(thread, to, false);
  return 0;
};

function move(call: Call, from: Place, to: Place): void {
  const { filesystem, paths, guard, who } = call;
  const target = attributesAt(call, to);
  if (target !== undefined) mustNotBeInUse(call, target.inode, 'rename');
  if (guard !== undefined) {
    const [source, destination] = [filesystem.getattr(from.directory), filesystem.getattr(to.directory)];
    guard.move(source, paths.at(from), destination, target);
  }
  filesystem.rename(from.directory, from.name, to.directory, to.name, 0, who);
}

const mayRemove = ({ guard, filesystem, paths }: Call, place: Place): void => {
  if (guard !== undefined) guard.remove(filesystem.getattr(place.directory), paths.at(place));
};

const attributesAt = ({ paths }: Call, place: Place): Attributes | undefined => {
  try {
    return paths.at(place);
  } catch (e) {
    if (e instanceof FsError && e.code === 'ENOENT') return undefined;
    throw e;
  }
};

/** libfuse reaches files that are open and have no name through their directory: without it they would be lost. */
const mustNotBeInUse = ({ hidden }: Call, directory: InodeNumber, operation: string): void => {
  if (hidden.isInUse(directory)) throw new FsError('ENOTEMPTY', operation, directory);
};
