/**
 * Pass 6: the namespace. With all inodes known: where each entry leads, links and subdirectories recounted from
 * the entries, parents, and whether everything is reached from the root.
 */
import { rootInode } from '../fs/units.js';
import type { Dirents } from './dirents.js';
import { fileType, type InodeTable, typeNames } from './inode-table.js';
import type { OrphanList } from './orphans.js';
import { type Problem, problem } from './problem.js';

/** Follow all entries: what they lead to, and what each inode is found to have. */
export function* checkDirents(dirents: Dirents, inodes: InodeTable): Iterable<Problem> {
  for (let i = 0; i < dirents.inode.length; i++) {
    const directory = dirents.directory.values[i];
    const owner = inodes.number.values[directory];
    const inode = dirents.inode.values[i];
    const target = inodes.find(inode);
    if (target < 0) {
      yield problem('dirent', `directory ${owner} has an entry for inode ${inode}, which does not exist`, owner);
      continue;
    }
    const type = dirents.type.values[i];
    if (type !== inodes.type(target)) {
      yield problem(
        'dirent',
        `directory ${owner} says that inode ${inode} is a ${nameOf(type)}; it is a ${nameOf(inodes.type(target))}`,
        owner,
      );
    }
    inodes.names.values[target]++;
    if (inodes.type(target) === fileType.directory) {
      inodes.subdirectoriesFound.values[directory]++;
      if (inodes.parent.values[target] !== owner) {
        yield problem(
          'parent',
          `directory ${inode} says that its parent is ${inodes.parent.values[target]}; it has a name in ${owner}`,
          inode,
        );
      }
    }
    if (inodes.foundIn.values[target] === 0) inodes.foundIn.values[target] = directory + 1;
  }
}

const nameOf = (type: number): string => typeNames[type] ?? `file of type ${type}`;

/** Compare what was recorded with what was found. */
export function* checkLinks(inodes: InodeTable, orphans: OrphanList): Iterable<Problem> {
  const root = inodes.find(rootInode);
  if (root < 0 || inodes.type(root) !== fileType.directory) {
    yield problem('root', 'there is no root directory (inode 1)', rootInode);
  } else if (inodes.parent.values[root] !== rootInode) {
    yield problem('root', `the root directory says that its parent is ${inodes.parent.values[root]}`, rootInode);
  }
  for (let i = 0; i < inodes.length; i++) {
    const inode = inodes.number.values[i];
    const names = inodes.names.values[i];
    const links = inodes.links.values[i];
    if (inodes.type(i) === fileType.directory) {
      if (names > (i === root ? 0 : 1)) yield problem('parent', `directory ${inode} has ${names} names`, inode);
      const found = inodes.subdirectoriesFound.values[i];
      const recorded = inodes.subdirectories.values[i];
      if (found !== recorded)
        yield problem('subdirectories', `directory ${inode} counts ${recorded} subdirectories, it has ${found}`, inode);
    }
    const expected = i === root ? 1 : names;
    if (links !== expected) yield problem('links', `inode ${inode} counts ${links} links, it has ${expected}`, inode);
    // An orphan that counts links lost its names by damage, not by unlink.
    if (names === 0 && i !== root && (links !== 0 || !orphans.has(inode))) {
      yield problem('unreachable', `inode ${inode} (${nameOf(inodes.type(i))}) has no name`, inode);
    }
  }
}

/** Directories that have a name but no way up to the root: they hold each other in a loop, or hang below an orphan. */
export function* checkReachable(inodes: InodeTable): Iterable<Problem> {
  const root = inodes.find(rootInode);
  /** 0 unknown, 1 reaches the root or an inode without a name, 2 does not; 3 on the way. */
  const verdict = new Uint8Array(inodes.length);
  if (root >= 0) verdict[root] = 1;
  const trail: number[] = [];
  for (let i = 0; i < inodes.length; i++) {
    if (inodes.type(i) !== fileType.directory) continue;
    let at = i;
    while (verdict[at] === 0) {
      verdict[at] = 3;
      trail.push(at);
      if (inodes.foundIn.values[at] === 0) verdict[at] = 1;
      else at = inodes.foundIn.values[at] - 1;
    }
    const result = verdict[at] === 1 ? 1 : 2;
    for (const passed of trail) {
      verdict[passed] = result;
      const inode = inodes.number.values[passed];
      if (result === 2) yield problem('unreachable', `directory ${inode} can't be reached from the root`, inode);
    }
    trail.length = 0;
  }
}
