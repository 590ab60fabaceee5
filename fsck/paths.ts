/**
 * Names for inodes in messages. Names are not kept during the check: when there are problems, one more walk picks
 * up the names of the inodes concerned and of the directories above them.
 */
import { Dirent, itemKind } from '../fs/format/item.js';
import { readU64 } from '../fs/format/struct.js';
import { type InodeNumber, rootInode } from '../fs/units.js';
import { quote } from './dirents.js';
import { Image } from './image.js';
import type { InodeTable } from './inode-table.js';
import type { NodeFrame } from './node.js';
import { Findings, type Problem } from './problem.js';
import { type ItemVisitor, TreeWalk, tree } from './tree.js';

/** Deeper paths are not told. */
const maxDepth = 1000;

class NameVisitor implements ItemVisitor {
  readonly names = new Map<InodeNumber, string>();

  constructor(private readonly wanted: ReadonlyMap<InodeNumber, InodeNumber>) {}

  item(frame: NodeFrame, index: number): void {
    if (frame.kind(index) !== itemKind.dirent || frame.valueLength(index) <= Dirent.size) return;
    const start = frame.valueStart(index);
    const inode = readU64(frame.view, start);
    if (this.wanted.get(inode) !== frame.inode(index) || this.names.has(inode)) return;
    const name = frame.bytes.subarray(start + Dirent.size, start + frame.valueLength(index));
    this.names.set(inode, quote(name).slice(1, -1));
  }
}

/** The problems with paths where they have one. */
export async function withPaths(image: Image, inodes: InodeTable, problems: readonly Problem[]): Promise<Problem[]> {
  /** Inode and the directory in which it was found. */
  const wanted = new Map<InodeNumber, InodeNumber>();
  for (const { inode } of problems) {
    let index = inode === undefined ? -1 : inodes.find(inode);
    for (let depth = 0; index >= 0 && depth < maxDepth; depth++) {
      const number = inodes.number.values[index];
      const above = inodes.foundIn.values[index] - 1;
      if (above < 0 || wanted.has(number)) break;
      wanted.set(number, inodes.number.values[above]);
      index = above;
    }
  }
  if (wanted.size === 0) return [...problems];
  const visitor = new NameVisitor(wanted);
  await new TreeWalk(again(image), tree.files, new Findings()).walk(
    image.checkpoint.mainRoot,
    image.checkpoint.mainHeight,
    visitor,
  );
  return problems.map((found) => {
    const path = found.inode === undefined ? undefined : pathOf(found.inode, wanted, visitor.names);
    return path === undefined ? found : { ...found, path };
  });
}

/** The same image with nothing claimed, for another walk. */
export function again(image: Image): Image {
  const copy = new Image(image.store, image.superblock, image.checkpoint, image.tableMap);
  copy.usePlacesOf(image);
  return copy;
}

function pathOf(
  inode: InodeNumber,
  parents: ReadonlyMap<InodeNumber, InodeNumber>,
  names: ReadonlyMap<InodeNumber, string>,
): string | undefined {
  if (inode === rootInode) return '/';
  let path = '';
  let at = inode;
  for (let depth = 0; depth < maxDepth; depth++) {
    if (at === rootInode) return path;
    const name = names.get(at);
    const parent = parents.get(at);
    if (name === undefined || parent === undefined) return undefined;
    path = `/${name}${path}`;
    at = parent;
  }
  return undefined;
}
