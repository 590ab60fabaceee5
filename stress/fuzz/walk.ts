/**
 * Reads all of a filesystem that may be damaged, as a curious user would: what answers with an error is noted, and
 * everything else is read on. Equal digests: the same names, attributes and bytes.
 */
import { createHash, type Hash } from 'node:crypto';
import { FsError } from '../../fs/errors.js';
import { checksum } from '../../fs/format/checksum.js';
import { type FileSystemApi, seek } from '../../fs/posix/api.js';
import { run } from '../../fs/suspend.js';
import { rootInode } from '../../fs/units.js';
import { DumpError, listDirectory, readXattrs } from '../model/dump.js';
import { fileType } from '../model/nodes.js';

export interface Walked {
  readonly digest: string;
  /** What could not be read, with the inode. */
  readonly errors: readonly string[];
  /** Digests of the inodes of which everything could be read, each with its number. */
  readonly sound: readonly string[];
}

/** Larger files are not read to their end. */
const mostBytes = 32 << 20;
/** What is read at once. Files that are longer than this may have holes worth skipping. */
const chunk = new Uint8Array(64 << 10);

export async function walk(api: FileSystemApi): Promise<Walked> {
  const hash = createHash('sha1');
  const errors: string[] = [];
  const sound: string[] = [];
  const seen = new Set<number>();
  const waiting: number[] = [rootInode];
  /** Declared errors, and answers that contradict each other, are noted; anything else ends the walk. */
  const note = async (inode: number, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (e) {
      if (!(e instanceof FsError || e instanceof DumpError)) throw e;
      errors.push(`inode ${inode}: ${e.message}`);
    }
  };
  for (let inode = waiting.pop(); inode !== undefined; inode = waiting.pop()) {
    if (seen.has(inode)) continue;
    seen.add(inode);
    const here = inode;
    const own = createHash('sha1');
    const errorsBefore = errors.length;
    await note(here, async () => {
      const { mode, links, uid, gid, device, size, mtime, ctime, flags } = await run(() => api.getattr(here));
      own.update(JSON.stringify([here, mode, links, uid, gid, device, size, mtime, ctime, flags]));
      await note(here, async () => {
        for (const [name, value] of await readXattrs(api, here)) own.update(name).update(value);
      });
      const type = mode & fileType.mask;
      if (type === fileType.link) own.update(await run(() => api.readlink(here)));
      if (type === fileType.regular) await hashContents(api, here, Math.min(size, mostBytes), own);
      if (type !== fileType.directory) return;
      for (const { name, inode: child, type: kind } of await listDirectory(api, here)) {
        own.update(JSON.stringify([name, child, kind]));
        if (name !== '.' && name !== '..') waiting.push(child);
      }
    });
    const digest = own.digest('hex');
    hash.update(digest);
    if (errors.length === errorsBefore) sound.push(`${here} ${digest}`);
  }
  return { digest: hash.digest('hex'), errors, sound };
}

async function hashContents(api: FileSystemApi, inode: number, size: number, hash: Hash): Promise<void> {
  for (let at = 0; at < size; at += chunk.length) {
    if (size > chunk.length) {
      const data = await nextData(api, inode, at);
      if (data === undefined) return;
      at = data - (data % chunk.length);
      hash.update(`${at}`);
    }
    const from = at;
    const into = chunk.subarray(0, Math.min(chunk.length, size - at));
    into.fill(0xee);
    const got = await run(() => api.read(inode, from, into));
    if (got !== into.length) throw new DumpError(`a read of ${into.length} bytes at ${at} answered ${got}`);
    hash.update(`${checksum(into)}`);
  }
}

async function nextData(api: FileSystemApi, inode: number, at: number): Promise<number | undefined> {
  try {
    return await run(() => api.seek(inode, at, seek.data));
  } catch (e) {
    if (e instanceof FsError && e.code === 'ENXIO') return undefined;
    throw e;
  }
}
