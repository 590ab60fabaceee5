/**
 * READDIR and READDIRPLUS. The second one brings the attributes of each entry along, as if the kernel had looked
 * it up: each such entry is held once. Where attributes are not in memory the listing ends early, and the kernel
 * asks again from there; only the first entry may suspend the request. An entry whose attributes can't be had is listed
 * without, as READDIR does: who looks it up hears why.
 */
import { FsError } from '../../errors.js';
import { type Attributes, type FileSystemApi, firstElsewhere } from '../../posix/api.js';
import { Suspend } from '../../suspend.js';
import type { InodeNumber } from '../../units.js';
import { dirent, entryOut, maxWrite, outHeaderBytes, readIn } from './abi.js';
import type { Exchange, Handler } from './exchange.js';
import { writeNodeId, writeU64 } from './node-id.js';
import { writeEntry } from './reply.js';

const dot = 46;

export const readdir: Handler = (x) => {
  const { request: r, reply, filesystem } = x;
  const size = Math.min(r.u32(readIn.size), maxWrite);
  reply.body(size);
  const end = outHeaderBytes + size;
  const { bytes, words } = reply;
  let at = outHeaderBytes;
  filesystem.readdir(r.inode, r.u64(readIn.offset), (name, inode, type, cookie) => {
    const next = at + recordBytes(dirent.words * 4, name);
    if (next > end) return false;
    writeDirent(bytes, words, at, name, r.rootId, inode, type, cookie);
    at = next;
    return true;
  });
  return at - outHeaderBytes;
};

export const readdirplus: Handler = (x) => {
  const { request: r, reply, filesystem } = x;
  const size = Math.min(r.u32(readIn.size), maxWrite);
  reply.body(size);
  const end = outHeaderBytes + size;
  const { bytes, words } = reply;
  let at = outHeaderBytes;
  let missing: Suspend | undefined;
  filesystem.readdir(r.inode, r.u64(readIn.offset), (name, inode, type, cookie) => {
    const next = at + recordBytes((entryOut.words + dirent.words) * 4, name);
    if (next > end) return false;
    const attributes = isSelfOrParent(name) || inode >= firstElsewhere ? undefined : attributesNow(filesystem, inode);
    if (attributes instanceof Suspend) {
      missing = attributes;
      return false;
    }
    writeLookup(x, words, at >>> 2, attributes);
    writeDirent(bytes, words, at + entryOut.words * 4, name, r.rootId, inode, type, cookie);
    at = next;
    return true;
  });
  if (missing !== undefined && at === outHeaderBytes) throw missing;
  return at - outHeaderBytes;
};

/** The kernel knows these two already, and counts no lookup of them. */
const isSelfOrParent = (name: Uint8Array): boolean =>
  name[0] === dot && (name.length === 1 || (name.length === 2 && name[1] === dot));

const attributesNow = (filesystem: FileSystemApi, inode: InodeNumber): Attributes | Suspend | undefined => {
  try {
    return filesystem.getattr(inode);
  } catch (e) {
    if (e instanceof Suspend) return e;
    if (e instanceof FsError) return undefined;
    throw e;
  }
};

/** An entry without attributes has node id 0: it is no answer to a lookup. */
const writeLookup = (x: Exchange, words: Uint32Array, at: number, attributes: Attributes | undefined): void => {
  if (attributes === undefined) {
    words.fill(0, at, at + entryOut.words);
    return;
  }
  writeEntry(words, at, x.request.rootId, attributes);
  x.holdOneLater(attributes.inode);
};

/** Records begin at multiples of 8 bytes. */
const recordBytes = (fixed: number, name: Uint8Array): number => (fixed + name.length + 7) & ~7;

const writeDirent = (
  bytes: Uint8Array,
  words: Uint32Array,
  at: number,
  name: Uint8Array,
  rootId: number,
  inode: InodeNumber,
  type: number,
  cookie: number,
): void => {
  const word = at >>> 2;
  writeNodeId(words, word + dirent.inode, rootId, inode);
  writeU64(words, word + dirent.cookie, cookie);
  words[word + dirent.nameLength] = name.length;
  words[word + dirent.type] = type;
  const start = at + dirent.words * 4;
  bytes.set(name, start);
  bytes.fill(0, start + name.length, at + recordBytes(dirent.words * 4, name));
};
