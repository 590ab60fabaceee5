/**
 * An open file, in the shape of Node's `FileHandle`. It stays readable when its last name is removed. A write has
 * reached the image's memory when it resolves, and the disk after `sync`, or when the image is closed.
 */
import { FsError } from '../fs/errors.js';
import type { FileSystemApi } from '../fs/posix/api.js';
import { run } from '../fs/suspend.js';
import type { InodeNumber } from '../fs/units.js';
import { caller } from './caller.js';
import { Stats } from './stats.js';

/** What a file may be opened for. */
export interface Access {
  readonly reads: boolean;
  readonly writes: boolean;
  /** Each write goes to the end. */
  readonly appends: boolean;
}

/** Bytes that are read or written at a time: a read that wants more may meet more pieces of the log than one takes. */
const piece = 1 << 20;

/** An open file, in the shape of Node's FileHandle. Positions and lengths are bytes. */
export class FileHandle {
  private position = 0;
  private open = true;

  /** The caller holds the inode for it. */
  constructor(
    private readonly filesystem: FileSystemApi,
    readonly inode: InodeNumber,
    private readonly access: Access,
  ) {}

  /** Read up to `length` bytes from `position`, or from where the last such read ended. */
  async read(
    buffer: Uint8Array,
    offset = 0,
    length = buffer.length - offset,
    position: number | null = null,
  ): Promise<{ bytesRead: number; buffer: Uint8Array }> {
    this.mustBe(this.access.reads, 'read');
    const from = position ?? this.position;
    let bytesRead = 0;
    for (let more = true; more && bytesRead < length; ) {
      const into = buffer.subarray(offset + bytesRead, offset + Math.min(length, bytesRead + piece));
      const got = await run(() => this.filesystem.read(this.inode, from + bytesRead, into));
      more = got > 0 && got === into.length;
      bytesRead += got;
    }
    if (position === null) this.position = from + bytesRead;
    return { bytesRead, buffer };
  }

  /** Write all `length` bytes at `position`, or where the last such write ended. ENOSPC, EFBIG, EROFS. */
  async write(
    buffer: Uint8Array,
    offset = 0,
    length = buffer.length - offset,
    position: number | null = null,
  ): Promise<{ bytesWritten: number; buffer: Uint8Array }> {
    const { appends } = this.access;
    const bytes = buffer.subarray(offset, offset + length);
    const end = await this.put(bytes, appends ? undefined : (position ?? this.position));
    if (position === null || appends) this.position = end;
    return { bytesWritten: bytes.length, buffer };
  }

  /** Write all of it from `from` on; undefined: each piece at the end of the file. Resolves with where it ends. */
  private async put(bytes: Uint8Array, from: number | undefined): Promise<number> {
    this.mustBe(this.access.writes, 'write');
    let at = from ?? this.position;
    for (let done = 0; done < bytes.length; ) {
      const part = bytes.subarray(done, done + piece);
      const written = await run(() => {
        // In the same stretch as the write: no other one comes between.
        if (from === undefined) at = this.filesystem.getattr(this.inode).size;
        return this.filesystem.write(this.inode, at, part, caller);
      });
      at += written;
      done += written;
    }
    return at;
  }

  /** All of the file, whatever was read before. */
  async readFile(): Promise<Buffer>;
  /** The same as text. */
  async readFile(encoding: BufferEncoding): Promise<string>;
  async readFile(encoding?: BufferEncoding): Promise<Buffer | string> {
    const { size } = await this.stat();
    const parts: Buffer[] = [];
    for (let at = this.position; at < size; ) {
      const part = Buffer.alloc(Math.min(piece, size - at));
      const { bytesRead } = await this.read(part, 0, part.length, at);
      if (bytesRead === 0) break;
      parts.push(part.subarray(0, bytesRead));
      at += bytesRead;
    }
    const all = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    return encoding === undefined ? all : all.toString(encoding);
  }

  /** Write from where the last write ended. */
  async writeFile(data: string | Uint8Array, encoding: BufferEncoding = 'utf8'): Promise<void> {
    await this.write(typeof data === 'string' ? Buffer.from(data, encoding) : data);
  }

  /** Write at the end of the file. */
  async appendFile(data: string | Uint8Array, encoding: BufferEncoding = 'utf8'): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data, encoding) : data;
    const end = await this.put(bytes, undefined);
    if (this.access.appends) this.position = end;
  }

  /** What the file is. */
  async stat(): Promise<Stats> {
    this.mustBe(true, 'stat');
    return new Stats(await run(() => this.filesystem.getattr(this.inode)));
  }

  /** Cut it, or lengthen it by a hole. `length`: in bytes. */
  async truncate(length = 0): Promise<void> {
    this.mustBe(this.access.writes, 'truncate');
    await run(() => this.filesystem.setattr(this.inode, { size: length }, caller));
  }

  /** Make its data, its name and all before them durable. */
  async sync(): Promise<void> {
    this.mustBe(true, 'sync');
    await run(() => this.filesystem.fsync(this.inode, false));
  }

  /** The same as sync. */
  async datasync(): Promise<void> {
    this.mustBe(true, 'datasync');
    await run(() => this.filesystem.fsync(this.inode, true));
  }

  /** Give it back; once more does nothing. */
  async close(): Promise<void> {
    if (this.open) this.filesystem.letGo(this.inode, 1);
    this.open = false;
  }

  /** Close it at the end of `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private mustBe(allowed: boolean, operation: string): void {
    if (!allowed || !this.open) throw new FsError('EBADF', operation, this.inode);
  }
}
