/** How much a tree is before it is copied, for whoever shows how far that is: one look at each entry. */
import fs from 'node:fs';
import type { FileSystemApi } from '../fs/posix/api.js';
import { isDirectory, isRegular } from '../fs/posix/inode/mode.js';
import { run } from '../fs/suspend.js';
import type { InodeNumber } from '../fs/units.js';
import { entriesOf } from './entries.js';
import { below, type TreeCopy } from './tree-copy.js';

export interface TreeSize {
  entries: number;
  /** Of files, each once whatever its names; holes of the host's left out as far as its blocks tell. */
  bytes: number;
}

/** Told after each entry; waited for. */
export type SizeProgress = (size: TreeSize) => void | Promise<void>;

const sector = 512;

/** Of a directory of the host. Throws Node's errors, as copying it would. */
export async function hostTreeSize(directory: string, progress: SizeProgress): Promise<TreeSize> {
  const size: TreeSize = { entries: 0, bytes: 0 };
  const seen = new Set<string>();
  const waiting: Buffer[] = [Buffer.from(directory)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop())
    for (const name of fs.readdirSync(path, { encoding: 'buffer' })) {
      const entry = below(path, name);
      const found = fs.lstatSync(entry, { throwIfNoEntry: false });
      if (found === undefined) continue;
      size.entries++;
      await progress(size);
      const linked = found.nlink > 1 && !found.isDirectory() ? `${found.dev}:${found.ino}` : undefined;
      if (linked !== undefined && seen.has(linked)) continue;
      if (linked !== undefined) seen.add(linked);
      if (found.isDirectory()) waiting.push(entry);
      else if (found.isFile()) size.bytes += Math.min(found.size, found.blocks * sector);
    }
  return size;
}

/** Of a directory of an image; each directory once, as an image may be of anybody's making. Throws FsError. */
export async function imageTreeSize(
  filesystem: FileSystemApi,
  directory: InodeNumber,
  progress: SizeProgress,
): Promise<TreeSize> {
  const size: TreeSize = { entries: 0, bytes: 0 };
  const seen = new Set([directory]);
  const waiting = [directory];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop())
    for (const { child } of await entriesOf(filesystem, at)) {
      const { mode, size: bytes, links } = await run(() => filesystem.getattr(child));
      size.entries++;
      await progress(size);
      if (seen.has(child)) continue;
      if (links > 1 || isDirectory(mode)) seen.add(child);
      // What is inline or compressed has fewer blocks than bytes, and is copied as a whole.
      if (isRegular(mode)) size.bytes += bytes;
      else if (isDirectory(mode)) waiting.push(child);
    }
  return size;
}

/** An entry costs about as much as so many bytes of contents. */
const entryBytes = 16 * 1024;

/** How much of a tree has been copied, 0 to 1. */
export function shareOf({ entries, bytes }: TreeSize, done: TreeCopy): number {
  const made = done.files + done.directories + done.others;
  return Math.min(1, (made * entryBytes + done.bytes) / Math.max(1, entries * entryBytes + bytes));
}
