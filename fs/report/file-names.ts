/** Names for inodes, and inodes for a part of a name: each one walk through all entries, for as long as somebody waits. */

import { direntName } from '../posix/namespace/dirents.js';
import { NameSearch } from '../scrub/paths.js';
import type { InodeNumber } from '../units.js';
import type { Volume } from '../volume/volume.js';
import { sweepOf } from './sweep.js';
import { Turns } from './turns.js';

const mostMs = 3000;
/** Files that a search tells. */
const mostFound = 50;

export interface Named {
  readonly inode: InodeNumber;
  readonly path: string;
}

/** Paths of inodes. One without a path has no name in the live tree, or time was up. */
export async function pathsOf(volume: Volume, inodes: ReadonlySet<InodeNumber>): Promise<Map<InodeNumber, string>> {
  const { found } = await search(volume, (inode) => inodes.has(inode), inodes.size);
  return new Map(found.map(({ inode, path }) => [inode, path]));
}

/** Files with `part` in their name, in whatever case. `complete`: there are no others. */
export async function filesNamed(volume: Volume, part: string): Promise<{ found: Named[]; complete: boolean }> {
  const wanted = part.toLowerCase();
  const fits = (_: InodeNumber, entry: Uint8Array): boolean =>
    Buffer.from(direntName(entry)).toString('utf8').toLowerCase().includes(wanted);
  return search(volume, fits, mostFound);
}

async function search(
  volume: Volume,
  wanted: (inode: InodeNumber, entry: Uint8Array) => boolean,
  most: number,
): Promise<{ found: Named[]; complete: boolean }> {
  const met = new Set<InodeNumber>();
  const names = new NameSearch(volume, (inode, entry) => {
    const take = (met.has(inode) || met.size < most) && wanted(inode, entry);
    if (take) met.add(inode);
    return take;
  });
  const turns = new Turns(mostMs);
  const sweep = sweepOf(volume, nothing, nothing);
  let more = true;
  while (more && met.size < most && !turns.late) {
    more = await sweep.step((leaf) => names.visit(leaf));
    await turns.pause();
  }
  const found: Named[] = [];
  for (const inode of met) {
    const path = await names.path(inode);
    if (path !== undefined) found.push({ inode, path });
  }
  return { found: found.sort((a, b) => (a.path < b.path ? -1 : 1)), complete: !more };
}

const nothing = (): void => undefined;
