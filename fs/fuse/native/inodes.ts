/** Operations on an inode as a whole, and on the filesystem as a whole. */
import koffi from 'koffi';
import { permission } from '../../posix/acl/posix-acl.js';
import type { AttributeChanges, Time } from '../../posix/api.js';
import { run, Suspend } from '../../suspend.js';
import type { InodeNumber } from '../../units.js';
import { writeAt } from './memory.js';
import type { Call } from './operation.js';
import { entryStat, statOf, statvfsOf } from './structures.js';

/** Of chown: leave it. */
const unchanged = 2 ** 32 - 1;

export const getattr = ({ paths, record }: Call): number => {
  writeAt(record.pointer('stat'), statOf(paths.attributes(record.path)));
  return 0;
};

/** fstat(2) of an open file. */
export const fgetattr = (call: Call): number => {
  const { filesystem, handles, record } = call;
  if (record.handle === 0) return getattr(call);
  writeAt(record.pointer('stat'), statOf(filesystem.getattr(handles.inode(record.handle))));
  return 0;
};

/** Whether the caller may do what access(2) asks, also for chdir(2). */
export const access = ({ paths, record, guard }: Call): number => {
  guard?.access(paths.attributes(record.path), record.mode);
  return 0;
};

export const opendir = ({ paths, record, guard }: Call): number => {
  guard?.access(paths.attributes(record.path), permission.read);
  return 0;
};

const change = ({ filesystem, paths, record, who, guard }: Call, changes: AttributeChanges): number => {
  const attributes = paths.attributes(record.path);
  guard?.change(attributes, changes);
  filesystem.setattr(attributes.inode, changes, who);
  return 0;
};

export const chmod = (call: Call): number => change(call, { mode: call.record.mode });

export const chown = (call: Call): number => {
  const { uid, gid } = call.record;
  return change(call, {
    ...(uid === unchanged ? {} : { uid }),
    ...(gid === unchanged ? {} : { gid }),
    killPrivileges: true,
  });
};

/** As with a write, setuid and setgid go, unless root does it. */
const truncation = ({ record, who }: Call): AttributeChanges => ({
  size: record.offset,
  killPrivileges: who.uid !== 0,
});

export const truncate = (call: Call): number => change(call, truncation(call));

export const ftruncate = (call: Call): number => {
  const { filesystem, handles, record, who } = call;
  filesystem.setattr(handles.inode(record.handle), truncation(call), who);
  return 0;
};

export const utimens = (call: Call): number =>
  change(call, { atime: timeOf(call.record.accessed), mtime: timeOf(call.record.modified) });

const timeOf = (milliseconds: number): Time => {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: (milliseconds - seconds * 1000) * 1_000_000 };
};

/** As much as fits, with the NUL that ends it. */
export const readlink = ({ filesystem, paths, record }: Call): number => {
  const target = filesystem.readlink(paths.inode(record.path)).subarray(0, record.length - 1);
  writeAt(record.pointer('linkTarget'), Buffer.concat([target, Uint8Array.of(0)]));
  return 0;
};

export const statfs = ({ filesystem, record }: Call): number => {
  writeAt(record.pointer('statvfs'), statvfsOf(filesystem.statfs()));
  return 0;
};

const Filler = koffi.proto('int FuseFillDir(uintptr_t list, const void *name, const void *stat, int64_t offset)');

interface Entry {
  readonly name: Uint8Array;
  readonly inode: InodeNumber;
  readonly type: number;
}

/** libfuse keeps the list of an open directory until it is rewound: all entries at once. */
export const readdir = async (call: Call): Promise<number> => {
  const { record } = call;
  const directory = await run(() => call.paths.inode(record.path));
  const entries = await entriesOf(call, directory);
  const [filler, list] = [record.pointer('filler'), record.pointer('buffer')];
  for (const { name, inode, type } of entries) {
    koffi.call(filler, Filler, list, Buffer.concat([name, Uint8Array.of(0)]), entryStat(inode, type), 0);
  }
  return 0;
};

/** Goes on from the last entry when it has to wait for more. */
async function entriesOf({ filesystem, hidden }: Call, directory: InodeNumber): Promise<Entry[]> {
  const entries: Entry[] = [];
  let last = 0;
  for (;;) {
    try {
      filesystem.readdir(directory, last, (name, inode, type, cookie) => {
        if (!hidden.isOutOfSight({ directory, name })) entries.push({ name: Uint8Array.from(name), inode, type });
        last = cookie;
        return true;
      });
      return entries;
    } catch (e) {
      if (!(e instanceof Suspend)) throw e;
      await e.until;
    }
  }
}
