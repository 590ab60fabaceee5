/** Files through system calls, on whatever filesystem a directory lies: as a program of a user sees them. */
import { constants, promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Files, OpenFile, OpenHow, SpaceUsage } from './files.js';

const flags: Readonly<Record<OpenHow, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  synced: constants.O_RDWR | constants.O_DSYNC,
};

export class SystemFiles implements Files {
  constructor(private readonly directory: string) {}

  async mkdir(path: string): Promise<void> {
    await fs.mkdir(join(this.directory, path));
  }

  async create(path: string): Promise<OpenFile> {
    return new SystemFile(await fs.open(join(this.directory, path), 'wx+'));
  }

  async open(path: string, how: OpenHow): Promise<OpenFile> {
    return new SystemFile(await fs.open(join(this.directory, path), flags[how]));
  }

  async stat(path: string): Promise<number> {
    return (await fs.stat(join(this.directory, path))).size;
  }

  unlink(path: string): Promise<void> {
    return fs.unlink(join(this.directory, path));
  }

  rename(from: string, to: string): Promise<void> {
    return fs.rename(join(this.directory, from), join(this.directory, to));
  }

  async usage(): Promise<SpaceUsage> {
    const { blocks, bfree, bavail, bsize } = await fs.statfs(this.directory);
    return { size: blocks * bsize, used: (blocks - bfree) * bsize, available: bavail * bsize };
  }
}

class SystemFile implements OpenFile {
  constructor(private readonly handle: fs.FileHandle) {}

  async read(offset: number, into: Uint8Array): Promise<number> {
    return (await this.handle.read(into, 0, into.length, offset)).bytesRead;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
    }
  }

  sync(): Promise<void> {
    return this.handle.sync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
