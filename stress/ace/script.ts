/**
 * A workload as a list of steps that can be done one after another: offsets and lengths in numbers, and before each
 * call what it needs (ACE's last phase): parents are made, files to be written are there and not empty, names to be
 * given are free. The model finds out what is missing.
 */
import { type FileSystemApi, fallocateFlag } from '../../fs/posix/api.js';
import { pageSize, rootInode } from '../../fs/units.js';
import type { Model } from '../model/model.js';
import { isDirectory, type ModelNode } from '../model/nodes.js';
import { bytesOf, textOf } from '../model/state.js';
import { directories, parentOf, top } from './operations.js';
import type { Call, Workload } from './workloads.js';

/** One call of the inode API. */
export interface Step {
  /** As a line of a script. */
  readonly text: string;
  readonly change: 'file' | 'names' | 'nothing';
  /** A sync of these files, or of all (fsync of a directory, sync). */
  readonly syncs?: readonly number[] | 'all';
  readonly act: (api: FileSystemApi) => unknown;
}

const root = { uid: 0, gid: 0, pid: 1 };
const attribute = bytesOf('user.xattr1');

export class Scripter {
  private seed = 0;

  /** `perform`: does the step on both sides. */
  constructor(
    private readonly model: Model,
    private readonly perform: (step: Step) => Promise<void>,
  ) {}

  async play(workload: Workload): Promise<void> {
    for (const call of workload) await this.call(call);
  }

  private async call(call: Call): Promise<void> {
    switch (call.op) {
      case 'creat':
        await this.free(call.path);
        return this.make(call.path);
      case 'mkdir':
        await this.free(call.path);
        return this.makeDirectory(call.path);
      case 'link':
        await this.haveName(call.path);
        await this.free(call.to);
        return this.link(call.path, call.to);
      case 'symlink':
        await this.free(call.to);
        return this.names(`symlink ${call.path} ${call.to}`, (api) =>
          api.symlink(this.parent(call.to), nameOf(call.to), bytesOf(call.path), root),
        );
      case 'rename':
        return this.rename(call.path, call.to);
      case 'unlink':
        await this.haveName(call.path);
        return this.remove(call.path);
      case 'rmdir':
        await this.haveDirectory(call.path);
        return this.remove(call.path);
      case 'truncate': {
        const inode = await this.haveBytes(call.path);
        return this.file(`truncate ${call.path} ${call.size}`, (api) => api.setattr(inode, { size: call.size }, root));
      }
      case 'write':
        return this.write(call.path, call.where);
      case 'mmapwrite':
        return this.writeMapped(call.path, call.where);
      case 'falloc': {
        const inode = await this.haveBytes(call.path);
        const [offset, length] = this.range(inode, call.where);
        return this.allocate(call.path, inode, call.mode, offset, length);
      }
      case 'setxattr':
        return this.setAttribute(call.path, await this.haveFile(call.path));
      case 'removexattr': {
        const inode = await this.haveFile(call.path);
        if (!this.model.node(inode).xattrs.has(textOf(attribute))) await this.setAttribute(call.path, inode);
        return this.file(`removexattr ${call.path}`, (api) => api.removexattr(inode, attribute, root));
      }
      default:
        return this.persist(call);
    }
  }

  private async persist(call: Call): Promise<void> {
    if (call.op === 'sync') {
      return this.perform({ text: 'sync', change: 'nothing', syncs: 'all', act: (api) => api.sync() });
    }
    const text = `${call.op} ${call.path === top ? '.' : call.path}`;
    if (call.path === top || directories.includes(call.path)) {
      if (call.path !== top) await this.haveDirectory(call.path, false);
      return this.perform({ text, change: 'nothing', syncs: 'all', act: (api) => api.sync() });
    }
    const inode = await this.haveFile(call.path);
    const act = (api: FileSystemApi): unknown => api.fsync(inode, call.op === 'fdatasync');
    return this.perform({ text, change: 'nothing', syncs: [inode], act });
  }

  // What is there.

  private find(path: string): ModelNode | undefined {
    let at = this.model.node(rootInode);
    for (const name of path === top ? [] : path.split('/')) {
      const inode = at.entries?.get(name);
      if (inode === undefined) return undefined;
      at = this.model.node(inode);
    }
    return at;
  }

  private parent(path: string): number {
    return (this.find(parentOf(path)) as ModelNode).inode;
  }

  /** Where open(2) with O_CREAT ends up: symbolic links are followed, also to what is not there. Undefined: a loop. */
  private followed(path: string, hops = 4): string | undefined {
    const target = this.find(path)?.target;
    if (target === undefined) return path;
    return hops === 0 ? undefined : this.followed(textOf(target), hops - 1);
  }

  // Calls without conditions.

  private names(text: string, act: Step['act']): Promise<void> {
    return this.perform({ text, change: 'names', act });
  }

  private file(text: string, act: Step['act']): Promise<void> {
    return this.perform({ text, change: 'file', act });
  }

  private make(path: string): Promise<void> {
    return this.names(`creat ${path}`, (api) => api.mknod(this.parent(path), nameOf(path), 0o100644, 0, 0, root));
  }

  private makeDirectory(path: string): Promise<void> {
    return this.names(`mkdir ${path}`, (api) => api.mkdir(this.parent(path), nameOf(path), 0o755, 0, root));
  }

  private link(path: string, to: string): Promise<void> {
    const { inode } = this.find(path) as ModelNode;
    return this.names(`link ${path} ${to}`, (api) => api.link(inode, this.parent(to), nameOf(to), root));
  }

  private setAttribute(path: string, inode: number): Promise<void> {
    const value = bytesOf(`value${++this.seed}`);
    return this.file(`setxattr ${path}`, (api) => api.setxattr(inode, attribute, value, 0, root));
  }

  private allocate(path: string, inode: number, mode: number, offset: number, length: number): Promise<void> {
    return this.file(`falloc ${path} ${modeText(mode)} ${offset} ${length}`, (api) =>
      api.fallocate(inode, mode, offset, length),
    );
  }

  private put(text: string, inode: number, offset: number, bytes: Uint8Array): Promise<void> {
    return this.file(`${text} ${offset} ${bytes.length}`, (api) => api.write(inode, offset, bytes, root));
  }

  private async remove(path: string): Promise<void> {
    const node = this.find(path) as ModelNode;
    for (const name of [...(node.entries?.keys() ?? [])]) await this.remove(`${path}/${name}`);
    if (isDirectory(node)) await this.names(`rmdir ${path}`, (api) => api.rmdir(this.parent(path), nameOf(path), root));
    else await this.names(`unlink ${path}`, (api) => api.unlink(this.parent(path), nameOf(path), root));
  }

  // Conditions.

  private async haveParent(path: string): Promise<void> {
    if (parentOf(path) !== top) await this.haveDirectory(parentOf(path), false);
  }

  private async haveDirectory(path: string, empty = true): Promise<void> {
    const node = this.find(path);
    if (node === undefined) return this.makeDirectory(path);
    if (empty) for (const name of [...(node.entries?.keys() ?? [])]) await this.remove(`${path}/${name}`);
  }

  /** The name is not taken, and can be. */
  private async free(path: string): Promise<void> {
    await this.haveParent(path);
    if (this.find(path)) await this.remove(path);
  }

  private async haveName(path: string): Promise<void> {
    await this.haveParent(path);
    if (this.find(path) === undefined) await this.make(path);
  }

  /** The regular file behind the path; a loop of links makes room for one. */
  private async haveFile(path: string): Promise<number> {
    if (this.followed(path) === undefined) await this.remove(path);
    const file = this.followed(path) ?? path;
    await this.haveName(file);
    return (this.find(file) as ModelNode).inode;
  }

  private async haveBytes(path: string): Promise<number> {
    const inode = await this.haveFile(path);
    if (this.model.contents(inode).size === 0) await this.put(`write ${path}`, inode, 0, this.bytes(32768));
    return inode;
  }

  // Calls on ranges.

  private range(inode: number, where: string): [offset: number, length: number] {
    const { size } = this.model.contents(inode);
    if (where === 'append') return [size, 32768];
    if (where === 'extend') return [Math.max(0, size - 2000), 5000];
    return [0, where === 'start' ? 5000 : 8192];
  }

  private async write(path: string, where: string): Promise<void> {
    const inode = where === 'append' ? await this.haveFile(path) : await this.haveBytes(path);
    const [offset, length] = this.range(inode, where);
    await this.put(`write ${path}`, inode, offset, this.bytes(length));
  }

  /** The kernel hands over whole pages of what was mapped, cut at the end of the file. */
  private async writeMapped(path: string, where: string): Promise<void> {
    const inode = where === 'append' ? await this.haveFile(path) : await this.haveBytes(path);
    const [offset, length] = this.range(inode, where);
    await this.allocate(path, inode, 0, offset, length);
    const after = this.model.contents(inode).write(offset, this.bytes(length));
    const from = Math.floor(offset / pageSize) * pageSize;
    const to = Math.min(Math.ceil((offset + length) / pageSize) * pageSize, after.size);
    await this.put(`mmapwrite ${path}`, inode, from, after.read(from, to - from));
  }

  private async rename(path: string, to: string): Promise<void> {
    if (!directories.includes(path)) {
      await this.haveName(path);
      await this.haveParent(to);
    } else {
      await this.haveDirectory(path, false);
      if (this.find(to)) await this.haveDirectory(to);
    }
    await this.names(`rename ${path} ${to}`, (api) =>
      api.rename(this.parent(path), nameOf(path), this.parent(to), nameOf(to), 0, root),
    );
  }

  /** Other bytes each time, none of them zero. */
  private bytes(length: number): Uint8Array {
    const seed = ++this.seed * 37;
    const made = new Uint8Array(length);
    for (let i = 0; i < length; i++) made[i] = 1 + ((seed + i + (i >>> 8) * 7 + (i >>> 12) * 11) % 255);
    return made;
  }
}

const nameOf = (path: string): Uint8Array => bytesOf(path.slice(path.lastIndexOf('/') + 1));

function modeText(mode: number): string {
  const names = Object.entries(fallocateFlag).filter(([, flag]) => (mode & flag) !== 0);
  return names.length === 0 ? 'allocate' : names.map(([name]) => name).join('|');
}
