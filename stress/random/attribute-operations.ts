/** Operations on attributes, the extended ones too. */
import { type FileSystemApi, xattrFlag } from '../../fs/posix/api.js';
import { below, chance } from '../../fs/store/random.js';
import { compareAttributes, compareBytes } from '../model/compare.js';
import { isDirectory } from '../model/nodes.js';
import { bytesOf, textOf } from '../model/state.js';
import { nothing, type Operation, root, show } from './operation.js';

export const attributeOperations = {
  async getattr(h, choose) {
    const inode = choose.any();
    await h.both(`getattr of inode ${inode}`, (api) => api.getattr(inode), compareAttributes);
  },

  async chmod(h, choose) {
    const inode = choose.settable();
    const { random } = choose;
    const mode = below(random, isDirectory(h.model.node(inode)) ? 0o1000 : 0o10000);
    const owner = chance(random, 0.3) ? { uid: below(random, 70_000), gid: below(random, 70_000) } : {};
    const time = { seconds: 1_000_000_000 + below(random, 1e9), nanos: below(random, 1e9) };
    const times = chance(random, 0.4) ? { mtime: time, atime: time } : {};
    const changes = { ...(chance(random, 0.7) ? { mode } : {}), ...owner, ...times };
    const label = `setattr of inode ${inode}: ${JSON.stringify(changes)}`;
    await h.both(label, (api) => api.setattr(inode, changes, root), compareAttributes);
  },

  async setxattr(h, choose) {
    const inode = choose.bearer();
    const { random } = choose;
    const name = bytesOf(
      chance(random, 0.9) ? `user.x${below(random, 8)}` : `user.${'y'.repeat(200)}${below(random, 3)}`,
    );
    const length = chance(random, 0.7)
      ? below(random, 60)
      : chance(random, 0.9)
        ? below(random, 4000)
        : below(random, 20_000);
    const value = choose.bytes(length);
    const flags = [0, 0, 0, xattrFlag.create, xattrFlag.replace][below(random, 5)];
    const label = `setxattr ${show(name)} of inode ${inode}, ${length} bytes, flags ${flags}`;
    await h.both(label, (api) => api.setxattr(inode, name, value, flags, root), nothing);
  },

  async getxattr(h, choose) {
    const inode = choose.bearer();
    const known = [...h.model.node(inode).xattrs.keys()];
    const name = bytesOf(known[below(choose.random, known.length)] ?? 'user.none');
    const same = (a: Uint8Array, b: Uint8Array): string[] => compareBytes('value', a, b);
    await h.both(`getxattr ${show(name)} of inode ${inode}`, (api) => api.getxattr(inode, name).slice(), same);
    const names = (api: FileSystemApi): string => textOf(api.listxattr(inode)).split('\0').sort().join('\n');
    await h.both(`listxattr of inode ${inode}`, names, (a, b) => (a === b ? [] : [`expected ${a}, found ${b}`]));
  },

  async removexattr(h, choose) {
    const inode = choose.bearer();
    const known = [...h.model.node(inode).xattrs.keys()];
    const name = bytesOf(known[below(choose.random, known.length)] ?? 'user.none');
    await h.both(`removexattr ${show(name)} of inode ${inode}`, (api) => api.removexattr(inode, name, root), nothing);
  },
} satisfies Record<string, Operation>;
