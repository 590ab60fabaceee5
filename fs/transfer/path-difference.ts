/**
 * What differs between two snapshots, as a person sees it: paths that were added, removed, renamed or changed. Serves
 * `varve diff`.
 *
 * It is made from the items that differ, so its cost and its memory follow the change; but nothing leads from a file to
 * its names, so if files changed and kept their names, the entries of all directories are gone through once.
 *
 * Rules
 * 1. An inode number means the same file in both, as none is used again.
 * 2. A name that went and one that came for the same file are one that was renamed. What lies in a directory that was
 *    renamed is not listed, as its own names are the same.
 * 3. A file is changed if its contents, attributes, modification time or extended attributes are others. Pages that were
 *    laid anew (defragmentation) are no change: the inode's ctime says so, unless it is as old as the first snapshot, when
 *    the clock of files, which has ticks, may have stood still. Nor is a directory changed by its entries.
 */
import { inodeFlag, itemKind } from '../format/item.js';
import { decodeInode } from '../posix/inode/inode-record.js';
import { fileType } from '../posix/inode/mode.js';
import { direntInode, direntName, direntType } from '../posix/namespace/dirents.js';
import { run } from '../suspend.js';
import { type ItemDifference, TreeDifference } from '../tree/difference.js';
import type { InodeNumber } from '../units.js';
import type { SnapshotView } from '../volume/snapshot-view.js';
import { PathFinder } from './path-finder.js';

/** What became of a path. */
export type PathChange = 'added' | 'removed' | 'changed' | 'renamed';

/** One path that differs. */
export interface PathDifference {
  readonly change: PathChange;
  readonly path: string;
  /** Its path before: where it was renamed. */
  readonly from?: string;
  readonly type: string;
  readonly inode: InodeNumber;
  /** What changed of it: `contents`, `attributes`, `xattrs`. */
  readonly what?: readonly string[];
}

export interface Name {
  readonly directory: InodeNumber;
  readonly name: Uint8Array;
  readonly type: number;
}

/** What was found of one inode. */
interface Found {
  readonly went: Name[];
  readonly came: Name[];
  contents: boolean;
  /** Pages of it lie elsewhere: written, or laid anew. */
  pages: boolean;
  attributes: boolean;
  xattrs: boolean;
  /** Its ctime is another one. */
  stamped: boolean;
  /** It is in both. */
  stays: boolean;
  type: number;
}

/** Flags that say how the file is stored, or that it has attributes. */
const ownFlags = inodeFlag.acl | inodeFlag.xattrs | inodeFlag.units;

/** All differences, by path. `breathe` lets requests be served meanwhile. */
export async function pathDifferences(
  before: SnapshotView,
  after: SnapshotView,
  breathe: () => Promise<void>,
): Promise<PathDifference[]> {
  const found = new Map<InodeNumber, Found>();
  const walk = new TreeDifference(before.tree, after.tree);
  for (;;) {
    const differences = await run(() => {
      before.mustBeThere();
      after.mustBeThere();
      return walk.next();
    });
    if (differences === undefined) break;
    for (const one of differences) note(found, one);
    await breathe();
  }
  for (const [inode, one] of found) {
    if (one.stays && one.pages && !one.contents) one.contents = one.stamped || (await isAsOld(before, after, inode));
  }
  return listed(found, new PathFinder(before, breathe), new PathFinder(after, breathe));
}

/** Whether the inode was last changed at about the time of the first snapshot, or later. */
function isAsOld(before: SnapshotView, after: SnapshotView, inode: InodeNumber): Promise<boolean> {
  return run(() => {
    const value = after.get(inode, itemKind.inode, 0);
    return value !== undefined && decodeInode(inode, value).ctimeSeconds >= before.root.seconds - 1;
  });
}

function note(all: Map<InodeNumber, Found>, { inode, kind, before, after }: ItemDifference): void {
  if (kind > itemKind.extent) return;
  if (kind === itemKind.dirent) {
    noteName(all, inode, before, 'went');
    noteName(all, inode, after, 'came');
    return;
  }
  const found = of(all, inode);
  if (kind === itemKind.inode) noteInode(found, inode, before, after);
  else if (kind === itemKind.inline) found.contents = true;
  else if (kind === itemKind.extent) found.pages = true;
  else found.xattrs = true;
}

function noteName(
  all: Map<InodeNumber, Found>,
  directory: InodeNumber,
  value: Uint8Array | undefined,
  how: 'went' | 'came',
): void {
  if (value === undefined) return;
  const found = of(all, direntInode(value));
  const type = direntType(value) * 2 ** 12;
  found.type = type;
  found[how].push({ directory, name: direntName(value), type });
}

function noteInode(
  found: Found,
  inode: InodeNumber,
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
): void {
  found.stays = before !== undefined && after !== undefined;
  if (before === undefined || after === undefined) return;
  const old = decodeInode(inode, before);
  const now = decodeInode(inode, after);
  found.type = now.mode & fileType.mask;
  found.stamped = old.ctimeSeconds !== now.ctimeSeconds || old.ctimeNanos !== now.ctimeNanos;
  const isDirectory = found.type === fileType.directory;
  if (!isDirectory && old.size !== now.size) found.contents = true;
  const touched = old.mtimeSeconds !== now.mtimeSeconds || old.mtimeNanos !== now.mtimeNanos;
  found.attributes =
    (touched && !isDirectory) ||
    old.mode !== now.mode ||
    old.uid !== now.uid ||
    old.gid !== now.gid ||
    old.device !== now.device ||
    old.project !== now.project ||
    old.transform !== now.transform ||
    (old.flags & ~ownFlags) !== (now.flags & ~ownFlags);
}

function of(all: Map<InodeNumber, Found>, inode: InodeNumber): Found {
  let found = all.get(inode);
  if (found === undefined) {
    const nothing = { contents: false, pages: false, attributes: false, xattrs: false, stamped: false };
    found = { went: [], came: [], stays: true, type: 0, ...nothing };
    all.set(inode, found);
  }
  return found;
}

const whatOf = ({ contents, attributes, xattrs }: Found): string[] => {
  const what: string[] = [];
  if (contents) what.push('contents');
  if (attributes) what.push('attributes');
  if (xattrs) what.push('xattrs');
  return what;
};

async function listed(
  all: ReadonlyMap<InodeNumber, Found>,
  before: PathFinder,
  after: PathFinder,
): Promise<PathDifference[]> {
  const list: PathDifference[] = [];
  const nameless = new Map<InodeNumber, Found>();
  for (const [inode, found] of all) {
    const { went, came, stays } = found;
    const what = stays ? whatOf(found) : [];
    const told = what.length > 0 ? { what } : {};
    const both = stays ? Math.min(went.length, came.length) : 0;
    for (let i = 0; i < both; i++) {
      const from = await before.pathOf(went[i]);
      const path = await after.pathOf(came[i]);
      list.push({ change: 'renamed', path, from, type: typeName(found.type), inode, ...told });
    }
    for (const name of went.slice(both))
      list.push({ change: 'removed', path: await before.pathOf(name), type: typeName(name.type), inode });
    for (const name of came.slice(both))
      list.push({ change: 'added', path: await after.pathOf(name), type: typeName(name.type), inode });
    if (both === 0 && what.length > 0) nameless.set(inode, found);
  }
  const names = await after.namesOf(nameless);
  for (const [inode, found] of nameless) {
    for (const path of names.get(inode) ?? [])
      list.push({ change: 'changed', path, type: typeName(found.type), inode, what: whatOf(found) });
  }
  const key = ({ path }: PathDifference): string => path;
  return list.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

const typeNames: ReadonlyMap<number, string> = new Map([
  [fileType.directory, 'directory'],
  [fileType.regular, 'file'],
  [fileType.symlink, 'symbolic link'],
]);

const typeName = (type: number): string => typeNames.get(type) ?? 'special file';
