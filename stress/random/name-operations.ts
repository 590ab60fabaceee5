/** Operations on names: what makes, finds, moves and removes entries of directories. */
import { type FileSystemApi, renameFlag } from '../../fs/posix/api.js';
import { below, chance } from '../../fs/store/random.js';
import { compareAttributes, compareBytes } from '../model/compare.js';
import { listDirectory } from '../model/dump.js';
import { fileType, isDirectory } from '../model/nodes.js';
import { bytesOf } from '../model/state.js';
import { nothing, type Operation, root, show, somebody } from './operation.js';

export const nameOperations = {
  async create(h, choose) {
    const { random } = choose;
    const [parent, name] = [choose.directory(), choose.name()];
    const mode = fileType.regular | below(random, 0o1000);
    const umask = chance(random, 0.5) ? 0o022 : 0;
    const who = chance(random, 0.5) ? root : somebody;
    const label = `create ${show(name)} in ${parent}`;
    await h.both(label, (api) => api.mknod(parent, name, mode, 0, umask, who), compareAttributes);
  },

  async mknod(h, choose) {
    const [parent, name] = [choose.directory(), choose.name()];
    const types = [fileType.fifo, fileType.socket, fileType.character, fileType.block];
    const type = types[below(choose.random, types.length)];
    const device = type === fileType.character || type === fileType.block ? 0x103 : 0;
    const label = `mknod ${show(name)} of type ${type.toString(8)} in ${parent}`;
    await h.both(label, (api) => api.mknod(parent, name, type | 0o640, device, 0, root), compareAttributes);
  },

  async mkdir(h, choose) {
    const [parent, name] = [choose.directory(), choose.name()];
    const mode = below(choose.random, 0o1000);
    const label = `mkdir ${show(name)} in ${parent}`;
    await h.both(label, (api) => api.mkdir(parent, name, mode, 0o022, somebody), compareAttributes);
  },

  async symlink(h, choose) {
    const [parent, name] = [choose.directory(), choose.name()];
    const target = bytesOf('t'.repeat(1 + below(choose.random, chance(choose.random, 0.1) ? 3000 : 60)));
    const label = `symlink ${show(name)} in ${parent} to ${target.length} bytes`;
    await h.both(label, (api) => api.symlink(parent, name, target, root), compareAttributes);
  },

  /** Many links with long targets in one directory: items that make the tree grow tall. */
  async bulk(h, choose) {
    const parent = choose.directory();
    const first = below(choose.random, 1e9);
    for (let i = 0; i < 40 && h.model.nodes.has(parent); i++) {
      const name = bytesOf(`bulk-${first + i}`);
      const target = bytesOf('b'.repeat(3000 + below(choose.random, 900)));
      const label = `symlink ${show(name)} in ${parent} to ${target.length} bytes`;
      if (!(await h.both(label, (api) => api.symlink(parent, name, target, root), compareAttributes))) return;
    }
  },

  async readlink(h, choose) {
    const place = choose.place((node) => node.target !== undefined);
    if (!place) return;
    const same = (a: Uint8Array, b: Uint8Array): string[] => compareBytes('target', a, b);
    await h.both(`readlink of inode ${place.inode}`, (api) => api.readlink(place.inode).slice(), same);
  },

  async lookup(h, choose) {
    const place = choose.place();
    const [parent, name] =
      place && chance(choose.random, 0.8) ? [place.parent, bytesOf(place.name)] : [choose.directory(), choose.name()];
    await h.both(`lookup ${show(name)} in ${parent}`, (api) => api.lookup(parent, name), compareAttributes);
  },

  async link(h, choose) {
    const place = choose.place((node) => !isDirectory(node));
    if (!place) return;
    const [parent, name] = [choose.directory(), choose.name()];
    const label = `link inode ${place.inode} as ${show(name)} in ${parent}`;
    await h.both(label, (api) => api.link(place.inode, parent, name, root), compareAttributes);
  },

  async unlink(h, choose) {
    const place = choose.place((node) => !isDirectory(node));
    const [parent, name] = place ? [place.parent, bytesOf(place.name)] : [choose.directory(), choose.name()];
    const label = `unlink ${show(name)} in ${parent}`;
    await h.both(label, (api) => api.unlink(parent, name, root), nothing, ['EISDIR', 'EPERM']);
  },

  async rmdir(h, choose) {
    const place = choose.place(isDirectory);
    if (!place) return;
    const label = `rmdir ${show(place.name)} in ${place.parent}`;
    await h.both(label, (api) => api.rmdir(place.parent, bytesOf(place.name), root), nothing);
  },

  /** Everything in a directory, and the directory. */
  async removeTree(h, choose) {
    const place = choose.place(isDirectory);
    if (!place || (h.model.node(place.inode).entries?.size ?? 0) > 400) return;
    for (const [name, inode] of [...(h.model.node(place.inode).entries ?? [])]) {
      const node = h.model.nodes.get(inode);
      if (!node || !h.model.nodes.has(place.inode)) return;
      const remove = (api: FileSystemApi): void => {
        if (isDirectory(node)) api.rmdir(place.inode, bytesOf(name), root);
        else api.unlink(place.inode, bytesOf(name), root);
      };
      await h.both(`remove ${show(name)} in ${place.inode}`, remove, nothing);
    }
    if (h.model.nodes.get(place.parent)?.entries?.get(place.name) !== place.inode) return;
    const label = `rmdir ${show(place.name)} in ${place.parent}`;
    await h.both(label, (api) => api.rmdir(place.parent, bytesOf(place.name), root), nothing);
  },

  async rename(h, choose) {
    const from = choose.place();
    if (!from) return;
    const { random } = choose;
    const over = chance(random, 0.35) ? choose.place() : undefined;
    const [parent, name] = over ? [over.parent, bytesOf(over.name)] : [choose.directory(), choose.name()];
    const exists = over !== undefined;
    const flags = chance(random, 0.1) ? renameFlag.noReplace : exists && chance(random, 0.4) ? renameFlag.exchange : 0;
    const label = `rename ${show(from.name)} in ${from.parent} to ${show(name)} in ${parent}, flags ${flags}`;
    const alike = ['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST', 'EINVAL'];
    await h.both(
      label,
      (api) => api.rename(from.parent, bytesOf(from.name), parent, name, flags, root),
      nothing,
      alike,
    );
  },

  async tmpfile(h, choose) {
    const parent = choose.directory();
    const make = (api: FileSystemApi): ReturnType<FileSystemApi['tmpfile']> => {
      const made = api.tmpfile(parent, 0o600, 0, somebody);
      api.hold(made.inode);
      return made;
    };
    await h.both(`tmpfile in ${parent}`, make, compareAttributes);
  },

  async readdir(h, choose) {
    const inode = choose.directory();
    const part = 1 + below(choose.random, 200);
    const list = async (api: FileSystemApi): Promise<string[]> =>
      (await listDirectory(api, inode, api === h.model ? Number.POSITIVE_INFINITY : part))
        .map((entry) => `${entry.name} ${entry.inode} ${entry.type}`)
        .sort();
    const compare = (a: string[], b: string[]): string[] => {
      const missing = a.filter((line) => !b.includes(line)).map((line) => `missing: ${line}`);
      const extra = b.filter((line) => !a.includes(line)).map((line) => `extra: ${line}`);
      return a.length === b.length
        ? [...missing, ...extra]
        : [...missing, ...extra, `${a.length} entries, found ${b.length}`];
    };
    const expected = await list(h.model);
    await h.both(`readdir of ${inode}`, async (api) => (api === h.model ? expected : list(api)), compare);
  },
} satisfies Record<string, Operation>;
