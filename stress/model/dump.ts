/**
 * Reads a whole filesystem through its API: the facts about its names and inodes, and the contents of its files.
 */
import { Buffer } from 'node:buffer';
import { FsError } from '../../fs/errors.js';
import { type Attributes, type FileSystemApi, seek } from '../../fs/posix/api.js';
import { run } from '../../fs/suspend.js';
import { pageSize, rootInode } from '../../fs/units.js';
import { Contents, isZeros } from './contents.js';
import { fileType } from './nodes.js';
import { bytesOf, entryKey, type Facts, inodeFact, inodeKey, textOf, xattrFact, xattrKey } from './state.js';

export interface Entry {
  readonly name: string;
  readonly inode: number;
  readonly type: number;
}

export interface Dump {
  readonly facts: Facts;
  readonly attributes: Map<number, Attributes>;
  /** Entries of directories, without `.` and `..`. */
  readonly entries: Map<number, Entry[]>;
  readonly parents: Map<number, number>;
  readonly targets: Map<number, Uint8Array>;
  readonly xattrs: Map<number, Map<string, Uint8Array>>;
  readonly files: Map<number, Contents>;
}

/** What contradicts itself: an entry without a file, `..` that leads elsewhere. */
export class DumpError extends Error {}

/** Entries of a directory, in parts of at most `part` entries. */
export async function listDirectory(api: FileSystemApi, inode: number, part = 100): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let cookie = 0; ; ) {
    let got: (Entry & { cookie: number })[] = [];
    const from = cookie;
    await run(() => {
      got = [];
      api.readdir(inode, from, (name, child, type, next) => {
        if (got.length >= part) return false;
        got.push({ name: textOf(name), inode: child, type, cookie: next });
        return true;
      });
    });
    if (got.length === 0) return all;
    all.push(...got);
    cookie = got[got.length - 1].cookie;
  }
}

const chunk = 128 * 1024;

/**
 * All bytes of a regular file; SEEK_DATA skips holes in files larger than 2 MiB. Pages that `like` has as well are taken
 * from there, which saves memory and makes them quick to compare.
 */
export async function readContents(
  api: FileSystemApi,
  inode: number,
  size: number,
  like?: Contents,
): Promise<Contents> {
  const pages = new Map<number, Uint8Array>();
  const into = new Uint8Array(Math.min(chunk, size));
  for (let at = 0; at < size; at += chunk) {
    if (size > 2 << 20) {
      const data = await nextData(api, inode, at);
      if (data === undefined) break;
      at = Math.floor(data / pageSize) * pageSize;
    }
    const want = Math.min(chunk, size - at);
    into.fill(0xee);
    const from = at;
    const got = await run(() => api.read(inode, from, into.subarray(0, want)));
    if (got !== want) throw new DumpError(`inode ${inode}: read of ${want} bytes at ${at} answered ${got}`);
    for (let p = 0; p < want; p += pageSize) {
      const part = into.subarray(p, Math.min(p + pageSize, want));
      if (isZeros(part)) continue;
      const same = like?.page((at + p) / pageSize);
      if (same && part.length === pageSize && Buffer.compare(part, same) === 0) {
        pages.set((at + p) / pageSize, same);
        continue;
      }
      const page = new Uint8Array(pageSize);
      page.set(part);
      pages.set((at + p) / pageSize, page);
    }
  }
  return new Contents(size, pages);
}

async function nextData(api: FileSystemApi, inode: number, at: number): Promise<number | undefined> {
  try {
    return await run(() => api.seek(inode, at, seek.data));
  } catch (error) {
    if (error instanceof FsError && error.code === 'ENXIO') return undefined;
    throw error;
  }
}

export async function readXattrs(api: FileSystemApi, inode: number): Promise<Map<string, Uint8Array>> {
  const names = textOf(await run(() => api.listxattr(inode))).split('\0');
  const values = new Map<string, Uint8Array>();
  for (const name of names) {
    if (name !== '') values.set(name, new Uint8Array(Buffer.from(await run(() => api.getxattr(inode, bytesOf(name))))));
  }
  return values;
}

/** Walk everything that can be reached from the root. `like`: what a file may well hold. */
export async function dump(api: FileSystemApi, like?: (inode: number) => Contents | undefined): Promise<Dump> {
  const made: Dump = {
    facts: new Map(),
    attributes: new Map(),
    entries: new Map(),
    parents: new Map([[rootInode, rootInode]]),
    targets: new Map(),
    xattrs: new Map(),
    files: new Map(),
  };
  await visit(api, made, rootInode, like);
  return made;
}

async function visit(
  api: FileSystemApi,
  into: Dump,
  first: number,
  like: ((inode: number) => Contents | undefined) | undefined,
): Promise<void> {
  const waiting = [first];
  for (let inode = waiting.pop(); inode !== undefined; inode = waiting.pop()) {
    if (into.attributes.has(inode)) continue;
    const here = inode;
    const attributes = await run(() => api.getattr(here));
    const type = attributes.mode & fileType.mask;
    into.attributes.set(here, attributes);
    const target = type === fileType.link ? (await run(() => api.readlink(here))).slice() : undefined;
    if (target) into.targets.set(here, target);
    into.facts.set(inodeKey(here), inodeFact(attributes, target));
    const xattrs = await readXattrs(api, here);
    into.xattrs.set(here, xattrs);
    for (const [name, value] of xattrs) into.facts.set(xattrKey(here, name), xattrFact(value));
    if (type === fileType.regular) into.files.set(here, await readContents(api, here, attributes.size, like?.(here)));
    if (type === fileType.directory) waiting.push(...(await visitEntries(api, into, here)));
  }
}

async function visitEntries(api: FileSystemApi, into: Dump, directory: number): Promise<number[]> {
  const all = await listDirectory(api, directory);
  const [self, above, ...entries] = all;
  if (self?.name !== '.' || self.inode !== directory) throw new DumpError(`directory ${directory}: "." is wrong`);
  const parent = into.parents.get(directory);
  if (above?.name !== '..' || above.inode !== parent) {
    throw new DumpError(`directory ${directory}: ".." is ${above?.inode}, expected ${parent}`);
  }
  into.entries.set(directory, entries);
  for (const { name, inode, type } of entries) {
    const key = entryKey(directory, name);
    if (into.facts.has(key)) throw new DumpError(`${key} is listed twice`);
    into.facts.set(key, String(inode));
    if (type === fileType.directory >>> 12) into.parents.set(inode, directory);
  }
  return entries.map(({ inode }) => inode);
}
