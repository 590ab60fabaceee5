/**
 * Directory entries as the walk meets them: name and hash are judged at once, where they lead is kept in columns
 * (13 bytes each) until all inodes are known.
 */
import { Dirent } from '../fs/format/item.js';
import { hash45 } from '../fs/format/name-hash.js';
import { readU64 } from '../fs/format/struct.js';
import { type InodeNumber, maxNameBytes } from '../fs/units.js';
import { bytes, numbers, words } from './column.js';
import type { NodeFrame } from './node.js';
import type { Findings } from './problem.js';

/** What an entry adds to the size of its directory. */
const direntBytes = (nameLength: number): number => nameLength + 8;

/** Items of names share an offset except for the low byte, a number that tells equal hashes apart. */
export const hashOf = (offset: number): number => Math.floor(offset / 256);

export class Dirents {
  /** Index of the directory in the inode table. */
  readonly directory = words();
  readonly inode = numbers();
  readonly type = bytes();
  /** Size that the current directory must have. */
  bytes = 0;
  private hash = -1;
  /** Names seen under `hash`. */
  private names: Uint8Array[] = [];

  constructor(
    private readonly nameSeed: number,
    private readonly findings: Findings,
  ) {}

  /** Another directory begins. */
  start(): void {
    this.bytes = 0;
    this.hash = -1;
    this.names = [];
  }

  add(frame: NodeFrame, index: number, directory: number, inode: InodeNumber): void {
    const length = frame.valueLength(index) - Dirent.size;
    const start = frame.valueStart(index);
    if (length < 1 || length > maxNameBytes) {
      this.findings.add('name', `directory ${inode} has an entry with a name of ${length} bytes`, inode);
      return;
    }
    const name = frame.bytes.subarray(start + Dirent.size, start + Dirent.size + length);
    this.bytes += direntBytes(length);
    this.judge(name, hashOf(frame.offset(index)), inode);
    this.directory.push(directory);
    this.inode.push(readU64(frame.view, start));
    this.type.push(frame.bytes[start + Dirent.offsetOf.type]);
  }

  private judge(name: Uint8Array, hash: number, inode: InodeNumber): void {
    if (!isName(name))
      this.findings.add('name', `directory ${inode} has an entry with the impossible name ${quote(name)}`, inode);
    if (hash45(name, this.nameSeed) !== hash) {
      this.findings.add('name-hash', `directory ${inode}: the entry ${quote(name)} lies under hash ${hash}`, inode);
    }
    if (hash !== this.hash) {
      this.hash = hash;
      this.names = [];
    } else if (this.names.some((other) => Buffer.compare(other, name) === 0)) {
      this.findings.add('name', `directory ${inode} has two entries ${quote(name)}`, inode);
    }
    this.names.push(name.slice());
  }
}

export function isName(name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] === 0 || name[i] === 0x2f) return false;
  const dots = name.length <= 2 && name.every((byte) => byte === 0x2e);
  return !dots;
}

/** A name for a message: control characters and quotes escaped. */
export function quote(name: Uint8Array): string {
  return JSON.stringify(Buffer.from(name).toString('utf8'));
}
