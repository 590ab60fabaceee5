/** What the filesystem in memory keeps of an inode, and of a name in a directory. */
import type { Time } from '../../fs/posix/api.js';
import type { ToyContents } from './toy-contents.js';

export interface Entry {
  readonly name: string;
  readonly inode: number;
  readonly cookie: number;
}

export interface Node {
  inode: number;
  mode: number;
  links: number;
  uid: number;
  gid: number;
  device: number;
  atime: Time;
  mtime: Time;
  ctime: Time;
  btime: Time;
  holds: number;
  parent: number;
  readonly contents: ToyContents;
  readonly entries: Map<string, Entry>;
  target: Uint8Array;
  readonly xattrs: Map<string, Uint8Array>;
}
