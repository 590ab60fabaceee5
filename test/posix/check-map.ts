/**
 * Checks the map that the filesystem layer leaves in a MemoryVolume: each rule of the format that concerns inodes,
 * names, extents, attributes and orphans, recounted from the items.
 */
import { checksum } from '../../fs/format/checksum.js';
import { inodeFlag, itemKind } from '../../fs/format/item.js';
import { hash45 } from '../../fs/format/name-hash.js';
import {
  extentAddress,
  extentBirth,
  extentPageChecksum,
  extentPageCount,
  extentStoredPages,
  extentTransform,
  unitProblem,
} from '../../fs/posix/inode/extent-value.js';
import { decodeInode } from '../../fs/posix/inode/inode-record.js';
import { decodeXattr, pieceCount } from '../../fs/posix/inode/xattr-item.js';
import { direntBytes, direntInode, direntName, direntType } from '../../fs/posix/namespace/dirents.js';
import { rootInode, volumeInode } from '../../fs/units.js';
import type { MemoryVolume } from '../support/memory-volume.js';

interface Found {
  names: number;
  subdirectories: number;
  bytes: number;
  pages: number;
  inline: number;
  xattrs: number;
  pieces: Map<number, number>;
  expectedPieces: Map<number, number>;
  end: number;
  storedEnd: number;
  parents: number[];
}

const limitKinds: readonly number[] = [itemKind.userLimits, itemKind.groupLimits, itemKind.projectLimits];

const none = (): Found => ({
  names: 0,
  subdirectories: 0,
  bytes: 0,
  pages: 0,
  inline: -1,
  xattrs: 0,
  pieces: new Map(),
  expectedPieces: new Map(),
  end: 0,
  storedEnd: 0,
  parents: [],
});

export function checkMap(volume: MemoryVolume): string[] {
  const problems: string[] = volume.problems();
  const records = new Map<number, ReturnType<typeof decodeInode>>();
  const orphans = new Set<number>();
  const found = new Map<number, Found>();
  const of = (inode: number): Found => {
    const known = found.get(inode) ?? none();
    found.set(inode, known);
    return known;
  };
  for (const item of volume.items) {
    if (item.kind === itemKind.inode) records.set(item.inode, decodeInode(item.inode, item.value));
  }
  let live = 0;
  let promised = 0;
  for (const { inode, kind, offset, value } of volume.items) {
    const facts = of(inode);
    if (inode === volumeInode) {
      if (kind === itemKind.orphan) orphans.add(offset);
      else if (!limitKinds.includes(kind)) problems.push(`volume item of kind ${kind}`);
      continue;
    }
    if (!records.has(inode)) problems.push(`inode ${inode} has items and no record`);
    if (kind === itemKind.inline) facts.inline = value.length;
    if (kind === itemKind.xattr) {
      const { name, pieces, valueBytes } = decodeXattr(inode, offset, value);
      facts.xattrs++;
      if (Math.floor(offset / 256) !== hash45(name, volume.nameSeed))
        problems.push(`xattr of ${inode} under a wrong hash`);
      if (pieces > 0) facts.expectedPieces.set(pieces, pieceCount(valueBytes));
    }
    if (kind === itemKind.xattrPiece) {
      const id = Math.floor(offset / 256);
      facts.pieces.set(id, (facts.pieces.get(id) ?? 0) + 1);
    }
    if (kind === itemKind.dirent) {
      const name = direntName(value);
      const target = records.get(direntInode(value));
      facts.bytes += direntBytes(name.length);
      if (Math.floor(offset / 256) !== hash45(name, volume.nameSeed))
        problems.push(`entry of ${inode} under a wrong hash`);
      if (target === undefined)
        problems.push(`an entry of ${inode} leads to ${direntInode(value)}, which is not there`);
      else if (target.mode >>> 12 !== direntType(value)) problems.push(`an entry of ${inode} has the wrong type`);
      if (direntType(value) === 4) {
        facts.subdirectories++;
        of(direntInode(value)).parents.push(inode);
      }
      of(direntInode(value)).names++;
    }
    if (kind === itemKind.extent) {
      const pages = extentPageCount(value);
      const address = extentAddress(value);
      const stored = extentStoredPages(value);
      const wrong = extentTransform(value) === 0 ? undefined : unitProblem(value);
      if (wrong !== undefined) problems.push(`the unit of ${inode} at page ${offset} ${wrong}`);
      if (offset < facts.end) problems.push(`extents of ${inode} overlap at page ${offset}`);
      if (pages === 0) problems.push(`an empty extent of ${inode}`);
      facts.end = offset + pages;
      facts.pages += stored;
      if (address === 0) {
        promised += pages;
        continue;
      }
      live += stored;
      facts.storedEnd = facts.end;
      if (offset % 32 >= (offset + pages) % 32 && (offset + pages) % 32 !== 0)
        problems.push(`extent of ${inode} is not aligned`);
      for (let i = 0; i < stored; i++) {
        const page = volume.pages.get(address + i);
        if (page === undefined || !page.live) problems.push(`inode ${inode}: page ${offset + i} is not live`);
        else if (page.birth !== extentBirth(value))
          problems.push(`inode ${inode}: page ${offset + i} has a wrong birth`);
        else if (checksum(page.bytes) !== extentPageChecksum(value, i))
          problems.push(`inode ${inode}: page ${offset + i} fails its checksum`);
      }
    }
  }
  if (live !== volume.live) problems.push(`${volume.live} live pages, extents have ${live}`);
  if (promised !== volume.promised) problems.push(`${volume.promised} promised pages, extents have ${promised}`);
  if (records.size !== volume.inodes) problems.push(`${volume.inodes} inodes counted, ${records.size} are there`);
  for (const [inode, record] of records) {
    const facts = of(inode);
    const say = (what: string): number => problems.push(`inode ${inode}: ${what}`);
    const expected = inode === rootInode ? 1 : facts.names;
    if (record.links !== expected) say(`${record.links} links, ${expected} names`);
    if (record.links === 0 && !orphans.has(inode)) say('no names, and no orphan');
    if (record.subdirectories !== facts.subdirectories)
      say(`${record.subdirectories} subdirectories, not ${facts.subdirectories}`);
    if (record.mode >>> 12 === 4) {
      if (record.size !== facts.bytes) say(`size ${record.size}, entries make ${facts.bytes}`);
      const parent = facts.parents[0] ?? (inode === rootInode ? rootInode : record.parent);
      if (record.parent !== parent) say(`parent ${record.parent}, entry in ${parent}`);
    }
    if (record.pages !== facts.pages) say(`${record.pages} pages counted, ${facts.pages} there`);
    if (facts.inline >= 0 && facts.pages > 0) say('inline contents and extents');
    if (facts.inline >= 0 && facts.inline !== record.size) say(`${facts.inline} bytes inline, size ${record.size}`);
    if (facts.storedEnd > Math.ceil(record.size / 4096) && !orphans.has(inode)) say('pages beyond the end');
    if (facts.xattrs > 0 !== ((record.flags & inodeFlag.xattrs) !== 0)) say('xattrs flag');
    for (const [id, count] of facts.expectedPieces) if (facts.pieces.get(id) !== count) say(`pieces of value ${id}`);
    for (const id of facts.pieces.keys()) if (!facts.expectedPieces.has(id)) say(`value ${id} has no attribute`);
  }
  for (const inode of orphans) if (!records.has(inode)) problems.push(`orphan ${inode} is no inode`);
  return problems;
}
