/**
 * `LABEL=NAME` and `UUID=...` in the place of an image: the one file or block device in the directories of `-o search=`
 * whose superblock says so. blkid(8) doesn't know the format, so nobody else could say. A volume is known by its first
 * superblock alone: where that is damaged, its path has to be given.
 */
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { VolumeError } from '../errors.js';
import { selfChecksum } from '../format/checksum.js';
import { Superblock, superblockMagic } from '../format/superblock.js';
import { pageSize } from '../units.js';
import { formatUuid, parseUuid } from './uuid.js';

/** Its path from the root; `source` itself where that is a path. Throws VolumeError: there is none, or more than one. */
export function findImage(source: string, directories: readonly string[]): string {
  const [, kind, value] = /^(LABEL|UUID)=(.*)$/.exec(source) ?? [];
  if (kind === undefined) return source;
  if (directories.length === 0) throw new VolumeError('usage', `${source} needs -o search=DIRECTORY[:DIRECTORY...]`);
  const wanted = kind === 'UUID' ? formatUuid(parseUuid(value)) : value;
  const found = imagesIn(directories).filter((path) => {
    const superblock = superblockOf(path);
    return superblock && wanted === (kind === 'UUID' ? formatUuid(superblock.uuid) : superblock.label);
  });
  if (found.length === 1) return found[0];
  if (found.length > 1) throw new VolumeError('usage', `${source} is the name of ${found.join(' and ')}: give a path`);
  throw new VolumeError('not-found', `no volume in ${directories.join(', ')} has ${source}`);
}

/** What could be an image: each once, also where links lead to it. */
function imagesIn(directories: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const directory of directories) {
    for (const name of namesIn(directory)) {
      const path = join(directory, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found?.isFile() || found?.isBlockDevice()) paths.add(realpathSync(path));
    }
  }
  return [...paths];
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (e) {
    throw new VolumeError('not-found', `${directory} can't be searched: ${(e as NodeJS.ErrnoException).code}`);
  }
}

/** Undefined: it is no volume, or none that this user may read. */
function superblockOf(path: string): Superblock | undefined {
  const page = new Uint8Array(pageSize);
  try {
    const fd = openSync(path, 'r');
    try {
      if (readSync(fd, page, 0, pageSize, 0) < pageSize) return undefined;
    } finally {
      closeSync(fd);
    }
  } catch (e) {
    if ((e as NodeJS.ErrnoException).syscall !== undefined) return undefined;
    throw e;
  }
  const superblock = Superblock.read(new DataView(page.buffer), 0);
  const whole = superblock.magic === superblockMagic;
  return whole && superblock.checksum === selfChecksum(page, Superblock.offsetOf.checksum) ? superblock : undefined;
}
