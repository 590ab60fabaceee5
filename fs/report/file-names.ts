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
  const { paths } = await search(volume, (inode) => inodes.has(inode), inodes.size);
  return paths;
}

/** Files with `part` in their name, in whatever case. `complete`: there are no others. */
export async function filesNamed(volume: Volume, part: string): Promise<{ found: Named[]; complete: boolean }> {
  const wanted = part.toLowerCase();
  const fits = (_: InodeNumber, entry: Uint8Array): boolean =>
    Buffer.from(direntName(entry)).toString('utf8').toLowerCase().includes(wanted);
  const { met, paths, complete } = await search(volume, fits, mostFound);
  const found = [...met].flatMap((inode) => {
    const path = paths.get(inode);
    return path === undefined ? [] : [{ inode, path }];
  });
  return { found: found.sort((a, b) => (a.path < b.path ? -1 : 1)), complete };
}

interface Searched {
  readonly met: ReadonlySet<InodeNumber>;
  readonly paths: Map<InodeNumber, string>;
  readonly complete: boolean;
}

async function search(
  volume: Volume,
  wanted: (inode: InodeNumber, entry: Uint8Array) => boolean,
  most: number,
): Promise<Searched> {
  const met = new Set<InodeNumber>();
  let passed = false;
  const names = new NameSearch(volume, (inode, entry) => {
    if (met.has(inode) || !wanted(inode, entry)) return met.has(inode);
    if (met.size < most) met.add(inode);
    else passed = true;
    return met.has(inode);
  });
  const turns = new Turns(mostMs);
  const sweep = sweepOf(volume, nothing, nothing);
  let more = true;
  while (more && met.size < most && !turns.late) {
    more = await sweep.step((leaf) => names.visit(leaf));
    await turns.pause();
  }
  return { met, paths: await names.paths(), complete: !more && !passed };
}

const nothing = (): void => undefined;
