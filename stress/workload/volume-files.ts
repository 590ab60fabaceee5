/** Files on the inode API in this process, without a mount: paths are looked up from the root, name by name. */
import type { Change, FileSystemApi } from '../../fs/posix/api.js';
import { run } from '../../fs/suspend.js';
import { type InodeNumber, pageSize, rootInode } from '../../fs/units.js';
import type { Files, OpenFile, OpenHow, SpaceUsage } from './files.js';

const root = { uid: 0, gid: 0, pid: 0 } as const;
const regular = 0o100644;
const encoder = new TextEncoder();

export class VolumeFiles implements Files {
  constructor(private readonly api: FileSystemApi) {}

  async mkdir(path: string): Promise<void> {
    const { parent, name } = await this.place(path);
    await this.change('names', () => this.api.mkdir(parent, name, 0o755, 0, root));
  }

  async create(path: string): Promise<OpenFile> {
    const { parent, name } = await this.place(path);
    const inode = await this.change('names', () => {
      const made = this.api.mknod(parent, name, regular, 0, 0, root);
      this.api.hold(made.inode);
      return made.inode;
    });
    return new VolumeFile(this.api, inode, false);
  }

  async open(path: string, how: OpenHow): Promise<OpenFile> {
    const { parent, name } = await this.place(path);
    const inode = await run(() => {
      const found = this.api.lookup(parent, name);
      this.api.hold(found.inode);
      return found.inode;
    });
    return new VolumeFile(this.api, inode, how === 'synced');
  }

  async stat(path: string): Promise<number> {
    const { parent, name } = await this.place(path);
    return (await run(() => this.api.lookup(parent, name))).size;
  }

  async unlink(path: string): Promise<void> {
    const { parent, name } = await this.place(path);
    await this.change('names', () => this.api.unlink(parent, name, root));
  }

  async rename(from: string, to: string): Promise<void> {
    const [old, wanted] = [await this.place(from), await this.place(to)];
    await this.change('names', () => this.api.rename(old.parent, old.name, wanted.parent, wanted.name, 0, root));
  }

  async usage(): Promise<SpaceUsage> {
    const { pages, freePages, availablePages } = this.api.statfs();
    return { size: pages * pageSize, used: (pages - freePages) * pageSize, available: availablePages * pageSize };
  }

  private async place(path: string): Promise<{ parent: InodeNumber; name: Uint8Array }> {
    const names = path.split('/');
    let parent: InodeNumber = rootInode;
    for (const name of names.slice(0, -1)) {
      const [directory, bytes] = [parent, encoder.encode(name)];
      parent = (await run(() => this.api.lookup(directory, bytes))).inode;
    }
    return { parent, name: encoder.encode(names[names.length - 1]) };
  }

  private async change<T>(what: Change, operation: () => T): Promise<T> {
    const result = await run(operation);
    await this.api.settled(what);
    return result as T;
  }
}

class VolumeFile implements OpenFile {
  constructor(
    private readonly api: FileSystemApi,
    private readonly inode: InodeNumber,
    private readonly synced: boolean,
  ) {}

  async read(offset: number, into: Uint8Array): Promise<number> {
    return run(() => this.api.read(this.inode, offset, into));
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const from = done;
      done += await run(() => this.api.write(this.inode, offset + from, bytes.subarray(from), root));
    }
    await this.api.settled('file');
    if (this.synced) await this.api.fsync(this.inode, true);
  }

  sync(): Promise<void> {
    return this.api.fsync(this.inode, false);
  }

  async close(): Promise<void> {
    this.api.letGo(this.inode, 1);
  }
}
