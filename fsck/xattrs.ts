/**
 * Extended attributes of one inode after another: names, hashes, and large values that lie in pieces.
 */
import { inodeFlag, Xattr } from '../fs/format/item.js';
import { hash45 } from '../fs/format/name-hash.js';
import { isAclName } from '../fs/posix/inode/xattr-name.js';
import type { InodeNumber } from '../fs/units.js';
import { hashOf, quote } from './dirents.js';
import type { CurrentInode } from './inodes.js';
import type { NodeFrame } from './node.js';
import type { Findings } from './problem.js';

/** Largest value of an attribute, as the kernel has it. */
const maxValueBytes = 65536;

export class XattrCheck {
  private count = 0;
  private acls = 0;
  private hash = -1;
  private names: string[] = [];
  /** Bytes that are still to come in pieces, by id of the value. */
  private readonly missing = new Map<number, number>();
  private nextPiece = { id: -1, number: 0 };

  constructor(
    private readonly nameSeed: number,
    private readonly findings: Findings,
  ) {}

  /** Another inode begins. */
  start(): void {
    if (this.count === 0 && this.missing.size === 0) return;
    this.count = 0;
    this.acls = 0;
    this.hash = -1;
    this.names = [];
    this.missing.clear();
    this.nextPiece = { id: -1, number: 0 };
  }

  attribute(frame: NodeFrame, index: number, inode: InodeNumber): void {
    this.count++;
    const wrong = this.attributeProblem(frame, index);
    if (wrong) this.findings.add('xattr', `inode ${inode}: ${wrong}`, inode);
  }

  private attributeProblem(frame: NodeFrame, index: number): string | undefined {
    const length = frame.valueLength(index);
    if (length < Xattr.size) return `an attribute of ${length} bytes`;
    const start = frame.valueStart(index);
    const found = Xattr.read(frame.view, start);
    const bytes = frame.bytes.subarray(start + Xattr.size, start + length);
    if (found.nameBytes < 1 || found.nameBytes > bytes.length)
      return `an attribute with a name of ${found.nameBytes} bytes`;
    const name = bytes.subarray(0, found.nameBytes);
    if (found.valueBytes > maxValueBytes) return `the attribute ${quote(name)} has ${found.valueBytes} bytes`;
    const hash = hashOf(frame.offset(index));
    if (hash45(name, this.nameSeed) !== hash) return `the attribute ${quote(name)} lies under hash ${hash}`;
    const text = Buffer.from(name).toString('latin1');
    if (hash !== this.hash) {
      this.hash = hash;
      this.names = [];
    } else if (this.names.includes(text)) return `two attributes ${quote(name)}`;
    this.names.push(text);
    if (isAclName(name)) this.acls++;
    if (found.pieces !== 0) {
      if (bytes.length !== found.nameBytes) return `the attribute ${quote(name)} has bytes beside its pieces`;
      if (this.missing.has(found.pieces)) return `the attribute ${quote(name)} shares its pieces with another one`;
      this.missing.set(found.pieces, found.valueBytes);
    } else if (bytes.length - found.nameBytes !== found.valueBytes) {
      return `the attribute ${quote(name)} has ${bytes.length - found.nameBytes} bytes instead of ${found.valueBytes}`;
    }
    return undefined;
  }

  /** A piece of a large value. Attributes sort before pieces. */
  piece(frame: NodeFrame, index: number, current: CurrentInode): void {
    // A file that is being given back loses its attributes before their pieces.
    if (current.isOrphan) return;
    const inode = current.number;
    const id = hashOf(frame.offset(index));
    const number = frame.offset(index) % 256;
    const length = frame.valueLength(index);
    const missing = this.missing.get(id);
    if (id !== this.nextPiece.id) this.nextPiece = { id, number: 0 };
    if (missing === undefined) {
      this.findings.add('xattr', `inode ${inode}: a piece of an attribute value (${id}) that no attribute has`, inode);
    } else if (number !== this.nextPiece.number || length === 0 || length > missing) {
      this.findings.add('xattr', `inode ${inode}: piece ${number} of attribute value ${id} is out of place`, inode);
    }
    this.nextPiece.number = number + 1;
    if (missing !== undefined) this.missing.set(id, Math.max(0, missing - length));
  }

  finish(current: CurrentInode): void {
    const { number } = current;
    for (const [id, bytes] of this.missing) {
      if (bytes > 0)
        this.findings.add('xattr', `inode ${number}: ${bytes} bytes of attribute value ${id} are missing`, number);
    }
    if (current.index < 0) return;
    if (this.count > 0 !== ((current.flags & inodeFlag.xattrs) !== 0)) {
      this.findings.add('xattr-flag', `inode ${number} has ${this.count} attributes, its flags say otherwise`, number);
    } else if (this.acls > 0 !== ((current.flags & inodeFlag.acl) !== 0)) {
      this.findings.add('xattr-flag', `inode ${number} has ${this.acls} ACLs, its flags say otherwise`, number);
    }
  }
}
