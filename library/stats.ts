/** What stat and readdir answer, in the shape of Node's `fs.Stats` and `fs.Dirent`. */
import type { Attributes, Time } from '../fs/posix/api.js';
import { fileType } from '../fs/posix/inode/mode.js';
import { pageSize } from '../fs/units.js';

/** Milliseconds since 1970, with what is finer as a fraction. */
const milliseconds = ({ seconds, nanos }: Time): number => seconds * 1000 + nanos / 1e6;

abstract class Typed {
  protected abstract readonly type: number;

  /** A regular file. */
  isFile = (): boolean => this.type === fileType.regular;
  /** A directory. */
  isDirectory = (): boolean => this.type === fileType.directory;
  /** A symbolic link. */
  isSymbolicLink = (): boolean => this.type === fileType.symlink;
  /** A named pipe. */
  isFIFO = (): boolean => this.type === fileType.fifo;
  /** A socket. */
  isSocket = (): boolean => this.type === fileType.socket;
  /** A block device. */
  isBlockDevice = (): boolean => this.type === fileType.block;
  /** A character device. */
  isCharacterDevice = (): boolean => this.type === fileType.character;
}

/** Sizes are in bytes, `blocks` in units of 512 bytes, times in ms since 1970. */
export class Stats extends Typed {
  readonly dev = 0;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize = pageSize;
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;

  constructor(readonly attributes: Attributes) {
    super();
    this.ino = attributes.inode;
    this.mode = attributes.mode;
    this.nlink = attributes.links;
    this.uid = attributes.uid;
    this.gid = attributes.gid;
    this.rdev = attributes.device;
    this.size = attributes.size;
    this.blocks = attributes.blocks;
    this.atimeMs = milliseconds(attributes.atime);
    this.mtimeMs = milliseconds(attributes.mtime);
    this.ctimeMs = milliseconds(attributes.ctime);
    this.birthtimeMs = milliseconds(attributes.btime);
  }

  protected get type(): number {
    return this.mode & fileType.mask;
  }

  get atime(): Date {
    return new Date(this.atimeMs);
  }
  get mtime(): Date {
    return new Date(this.mtimeMs);
  }
  get ctime(): Date {
    return new Date(this.ctimeMs);
  }
  get birthtime(): Date {
    return new Date(this.birthtimeMs);
  }
}

/** An entry of a directory. */
export class Entry extends Typed {
  protected readonly type: number;

  /** `directoryType`: as readdir has it (DT_*). */
  constructor(
    readonly name: string,
    readonly parentPath: string,
    directoryType: number,
  ) {
    super();
    this.type = directoryType << 12;
  }
}
