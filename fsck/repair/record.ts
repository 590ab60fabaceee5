/** The record of an inode, put right from what its items are found to be. */
import { InodeRecord, inodeFlag } from '../../fs/format/item.js';
import { encodeInode } from '../../fs/posix/inode/inode-record.js';
import { type InodeNumber, maxFileSize, pageSize, rootInode } from '../../fs/units.js';
import { fileType } from '../inode-table.js';
import type { ProblemCode } from '../problem.js';
import type { Ledger } from './ledger.js';
import { xattrFlags } from './xattrs.js';

/** What the items of an inode make of it. */
export interface FoundInode {
  readonly type: number;
  readonly isOrphan: boolean;
  /** Pages, reserved ones included. */
  readonly pages: number;
  /** Page after the last stored one. */
  readonly storedEnd: number;
  /** -1: no inline contents. */
  readonly inlineBytes: number;
  /** Size that it has as a directory. */
  readonly entryBytes: number;
  readonly xattrFlags: number;
}

const knownFlags = Object.values(inodeFlag).reduce((sum, bit) => sum | bit, 0);

/** The record as it stands, sane or not; undefined if it has the wrong length. */
export function readRecord(value: Uint8Array): InodeRecord | undefined {
  if (value.length !== InodeRecord.size) return undefined;
  return InodeRecord.read(new DataView(value.buffer, value.byteOffset, value.byteLength));
}

/** The record as it must be, encoded; undefined if nothing is to be changed. */
export function mendRecord(
  inode: InodeNumber,
  recorded: InodeRecord | undefined,
  found: FoundInode,
  ledger: Ledger,
): Uint8Array | undefined {
  const record = { ...(recorded ?? unknown(found.type)) };
  const isDirectory = found.type === fileType.directory;
  record.mode = (found.type << 12) | (record.mode & 0o7777);
  record.size = sizeOf(record.size, found);
  record.pages = found.pages;
  record.flags = (record.flags & knownFlags & ~xattrFlags) | flagsOf(record.flags, found);
  record.reserved = 0;
  for (const name of ['atimeNanos', 'mtimeNanos', 'ctimeNanos', 'btimeNanos'] as const) {
    if (record[name] > 999_999_999) record[name] = 0;
  }
  if (inode === rootInode) record.parent = rootInode;
  if (!isDirectory) {
    record.parent = 0;
    record.subdirectories = 0;
  }
  if (recorded === undefined) {
    ledger.did('inode-record', `inode ${inode} got a new record`, inode);
    ledger.lose(ledger.pathOf(inode), 'owner, permissions and times');
  } else if (!tell(inode, recorded, record, ledger)) {
    return undefined;
  }
  return encodeInode(record, record.size);
}

/** Say what differs. False if nothing does. */
function tell(inode: InodeNumber, before: InodeRecord, after: InodeRecord, ledger: Ledger): boolean {
  let differs = false;
  for (const name of Object.keys(after) as (keyof InodeRecord)[]) {
    if (before[name] === after[name]) continue;
    differs = true;
    const show = (value: number) => (name === 'mode' ? `0${value.toString(8)}` : String(value));
    const code = codes[name] ?? 'inode-record';
    ledger.did(code, `inode ${inode}: ${name} ${show(before[name])} becomes ${show(after[name])}`, inode);
  }
  if (before.pages > after.pages && ledger.nodesLost)
    ledger.lose(ledger.pathOf(inode), `${before.pages - after.pages} of ${before.pages} pages`);
  return differs;
}

const codes: Readonly<Partial<Record<keyof InodeRecord, ProblemCode>>> = {
  size: 'extent-past-end',
  pages: 'pages',
  flags: 'xattr-flag',
};

/** A smaller size that contents go beyond is wrong: a file that is being cut has an orphan item. */
function sizeOf(recorded: number, found: FoundInode): number {
  const { type, inlineBytes, storedEnd } = found;
  if (type === fileType.directory) return found.entryBytes;
  const size = recorded <= maxFileSize ? recorded : 0;
  if (type === fileType.symlink && inlineBytes >= 0) return inlineBytes;
  if (found.isOrphan) return size;
  const least = storedEnd > Math.ceil(size / pageSize) ? storedEnd * pageSize : size;
  return Math.max(least, inlineBytes);
}

/** Attributes of what is being given back go bit by bit: its flags stay. */
const flagsOf = (recorded: number, found: FoundInode): number =>
  found.isOrphan ? recorded & xattrFlags : found.xattrFlags;

/** Nobody but root looks at what lost its record. */
function unknown(type: number): InodeRecord {
  const none = InodeRecord.read(new DataView(new ArrayBuffer(InodeRecord.size)));
  const permissions = type === fileType.directory ? 0o700 : type === fileType.symlink ? 0o777 : 0o600;
  return { ...none, mode: (type << 12) | permissions, links: 1, parent: type === fileType.directory ? rootInode : 0 };
}
