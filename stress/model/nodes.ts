/**
 * What the model keeps of a file, a directory or anything else that has an inode number.
 */
import type { Attributes, Time } from '../../fs/posix/api.js';
import type { Contents } from './contents.js';
import { inodeFact } from './state.js';

export const fileType = {
  mask: 0o170000,
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  regular: 0o100000,
  link: 0o120000,
  socket: 0o140000,
} as const;

export interface ModelNode {
  readonly inode: number;
  mode: number;
  uid: number;
  gid: number;
  links: number;
  readonly device: number;
  /** Of a symbolic link. */
  readonly target: Uint8Array | undefined;
  /** Of a regular file. */
  contents: Contents | undefined;
  /** Of a directory: names (one character a byte) to inode numbers. */
  readonly entries: Map<string, number> | undefined;
  parent: number;
  readonly xattrs: Map<string, Uint8Array>;
  atime: Time;
  mtime: Time;
  ctime: Time;
  readonly btime: Time;
  holds: number;
}

export const isDirectory = (node: ModelNode): boolean => (node.mode & fileType.mask) === fileType.directory;
export const isRegular = (node: ModelNode): boolean => (node.mode & fileType.mask) === fileType.regular;

export const factOf = (node: ModelNode): string => inodeFact(node, node.target);

export function attributesOf(node: ModelNode): Attributes {
  return {
    inode: node.inode,
    generation: 0,
    mode: node.mode,
    links: node.links,
    uid: node.uid,
    gid: node.gid,
    device: node.device,
    size: node.contents?.size ?? node.target?.length ?? 0,
    blocks: 0,
    atime: node.atime,
    mtime: node.mtime,
    ctime: node.ctime,
    btime: node.btime,
    flags: 0,
    project: 0,
  };
}
