/**
 * The step that makes every entry lead somewhere and gives every inode a name: entries that lead nowhere go, a
 * directory keeps one name and knows its parent, loops of directories are opened, and what has no name gets one in
 * lost+found. Orphan entries are put right here, too.
 */
import { itemKind } from '../../fs/format/item.js';
import { decodeInode, encodeInode } from '../../fs/posix/inode/inode-record.js';
import { orphanValue } from '../../fs/posix/inode/reclaim.js';
import { direntInode, direntName, direntType, encodeDirent } from '../../fs/posix/namespace/dirents.js';
import { Batch } from '../../fs/tree/batch.js';
import { type InodeNumber, rootInode, volumeInode } from '../../fs/units.js';
import { quote } from '../dirents.js';
import { fileType } from '../inode-table.js';
import type { FileItems } from '../inodes.js';
import { Changes } from './changes.js';
import type { Ledger } from './ledger.js';
import { LostFound } from './lost-found.js';
import type { Workshop } from './workshop.js';

/** Inodes by what was found about them. */
export interface NameCases {
  /** Directories with entries that lead nowhere or say the wrong type. */
  readonly dirent: ReadonlySet<InodeNumber>;
  /** Directories with several names, or that name another parent. */
  readonly parent: ReadonlySet<InodeNumber>;
  readonly unreachable: ReadonlySet<InodeNumber>;
  readonly orphan: ReadonlySet<InodeNumber>;
}

export class NameMender {
  private readonly changes: Changes;
  private readonly lostFound: LostFound;

  constructor(
    private readonly shop: Workshop,
    private readonly files: FileItems,
    private readonly ledger: Ledger,
    seconds: number,
  ) {
    this.changes = new Changes(shop);
    this.lostFound = new LostFound(shop, seconds);
  }

  async mend(cases: NameCases): Promise<void> {
    for (const inode of cases.orphan) await this.mendOrphan(inode);
    const homes = this.homesOf(cases.parent);
    const directories = new Set([...cases.dirent, ...homes.directories]);
    for (const directory of directories) await this.mendEntries(directory, homes.kept);
    for (const [inode, parent] of homes.kept) await this.setParent(inode, parent);
    await this.changes.flush();
    for (const inode of cases.unreachable) {
      if (this.namesOf(inode) === 0) await this.connect(inode);
    }
    // Which directories are in a loop is certain only when each has one name.
    if (directories.size === 0) await this.openLoops(cases.unreachable);
  }

  private namesOf(inode: InodeNumber): number {
    const index = this.files.inodes.find(inode);
    return index < 0 ? -1 : this.files.inodes.names.values[index];
  }

  /** For directories with several names the one that is kept: where they say that they are, else the first. */
  private homesOf(concerned: ReadonlySet<InodeNumber>): {
    kept: Map<InodeNumber, InodeNumber>;
    directories: Set<InodeNumber>;
  } {
    const { inodes, dirents } = this.files;
    const kept = new Map<InodeNumber, InodeNumber>();
    const directories = new Set<InodeNumber>();
    for (let i = 0; concerned.size > 0 && i < dirents.inode.length; i++) {
      const inode = dirents.inode.values[i];
      if (!concerned.has(inode)) continue;
      const owner = inodes.number.values[dirents.directory.values[i]];
      const index = inodes.find(inode);
      if (index < 0 || inodes.type(index) !== fileType.directory) continue;
      if (inode === rootInode || inodes.names.values[index] > 1) directories.add(owner);
      if (inode !== rootInode && (!kept.has(inode) || inodes.parent.values[index] === owner)) kept.set(inode, owner);
    }
    return { kept, directories };
  }

  private async mendEntries(directory: InodeNumber, homes: ReadonlyMap<InodeNumber, InodeNumber>): Promise<void> {
    const { inodes } = this.files;
    const met = new Set<InodeNumber>();
    for await (const { offset, value } of this.shop.items(directory, itemKind.dirent)) {
      const inode = direntInode(value);
      const name = quote(direntName(value));
      const index = inodes.find(inode);
      if (index < 0) {
        await this.changes.delete(directory, itemKind.dirent, offset);
        this.ledger.did('dirent', `directory ${directory}: removed the entry ${name}, which led nowhere`, directory);
        this.ledger.lose(`${this.under(directory)}/${name.slice(1, -1)}`, 'what it led to is gone');
        continue;
      }
      const type = inodes.type(index);
      const home = inode === rootInode ? -1 : homes.get(inode);
      if (type === fileType.directory && home !== undefined && (home !== directory || met.has(inode))) {
        await this.changes.delete(directory, itemKind.dirent, offset);
        this.ledger.did('parent', `directory ${directory}: removed ${name}, another name of ${inode}`, directory);
        continue;
      }
      met.add(inode);
      if (type === direntType(value)) continue;
      await this.changes.put(directory, itemKind.dirent, offset, encodeDirent(inode, type, direntName(value)));
      this.ledger.did('dirent', `directory ${directory}: corrected the type of the entry ${name}`, directory);
    }
  }

  private under(directory: InodeNumber): string {
    return directory === rootInode ? '' : this.ledger.pathOf(directory);
  }

  private async setParent(inode: InodeNumber, parent: InodeNumber): Promise<void> {
    const value = await this.shop.get(inode, itemKind.inode, 0);
    if (value === undefined) return;
    const record = decodeInode(inode, value);
    if (record.parent === parent) return;
    this.ledger.did('parent', `directory ${inode}: parent ${record.parent} becomes ${parent}`, inode);
    record.parent = parent;
    await this.changes.put(inode, itemKind.inode, 0, encodeInode(record, record.size));
  }

  private async connect(inode: InodeNumber): Promise<void> {
    const path = await this.lostFound.take(inode);
    if (path !== undefined) this.ledger.did('unreachable', `inode ${inode} is now ${path}`, inode);
  }

  /** Take one directory out of each loop and give it a name in lost+found; the others hang below it. */
  private async openLoops(unreachable: ReadonlySet<InodeNumber>): Promise<void> {
    const { inodes } = this.files;
    const passed = new Set<number>();
    for (const inode of unreachable) {
      const trail = new Set<number>();
      let at = inodes.find(inode);
      while (at >= 0 && !passed.has(at) && inodes.names.values[at] > 0) {
        passed.add(at);
        trail.add(at);
        at = inodes.foundIn.values[at] - 1;
      }
      if (!trail.has(at)) continue;
      const member = inodes.number.values[at];
      const owner = inodes.number.values[inodes.foundIn.values[at] - 1];
      for await (const { offset, value } of this.shop.items(owner, itemKind.dirent)) {
        if (direntInode(value) === member) await this.changes.delete(owner, itemKind.dirent, offset);
      }
      await this.changes.flush();
      await this.connect(member);
    }
  }

  private async mendOrphan(inode: InodeNumber): Promise<void> {
    const { inodes } = this.files;
    const index = inodes.find(inode);
    const nameless = index >= 0 && inodes.names.values[index] === 0 && inodes.links.values[index] === 0;
    const batch = new Batch();
    if (nameless) batch.put(volumeInode, itemKind.orphan, inode, orphanValue(0));
    else batch.delete(volumeInode, itemKind.orphan, inode);
    await this.shop.change(batch);
    this.ledger.did('orphan', `the orphan entry of inode ${inode} was ${nameless ? 'written anew' : 'removed'}`, inode);
  }
}
