/**
 * The operations that the harness does, each with parameters drawn from a seed and the state of the model, so that
 * a list of steps (what, seed) can be done again, and made shorter when it fails.
 */
import { type FileSystemApi, fallocateFlag, renameFlag, seek, xattrFlag } from '../../fs/posix/api.js';
import { below, chance, seededRandom } from '../../fs/store/random.js';
import { compareAttributes, compareBytes } from '../model/compare.js';
import { isZeros } from '../model/contents.js';
import { listDirectory } from '../model/dump.js';
import { fileType, isDirectory, isRegular } from '../model/nodes.js';
import { bytesOf, textOf } from '../model/state.js';
import { Choose } from './choose.js';
import type { Harness } from './harness.js';
import { rootOperations } from './root-operations.js';

const root = { uid: 0, gid: 0, pid: 1 };
const somebody = { uid: 1000, gid: 100, pid: 2 };
const nothing = (): string[] => [];
const sameNumber = (expected: number, found: number): string[] =>
  expected === found ? [] : [`expected ${expected}, found ${found}`];

type Operation = (h: Harness, choose: Choose) => Promise<unknown>;

const show = (name: Uint8Array | string): string => {
  const text = typeof name === 'string' ? name : textOf(name);
  return JSON.stringify(text.length > 24 ? `${text.slice(0, 20)}... (${text.length})` : text);
};

async function read(h: Harness, inode: number, offset: number, length: number): Promise<void> {
  const buffers = new Map<FileSystemApi, Uint8Array>();
  await h.both(
    `read inode ${inode} at ${offset}, ${length} bytes`,
    async (api) => {
      const into = new Uint8Array(length);
      const got = await api.read(inode, offset, into);
      buffers.set(api, into.subarray(0, got));
      return got;
    },
    (expected, found) => {
      const [a, b] = [buffers.get(h.model), buffers.get(h.api)];
      return expected === found && a && b
        ? compareBytes(`inode ${inode} from ${offset}`, a, b)
        : sameNumber(expected, found);
    },
  );
}

/** Write, and let the model write as much as the system did: in mode `data` one write has its bounds. True if it succeeded. */
async function write(h: Harness, inode: number, offset: number, data: Uint8Array, kill = false): Promise<boolean> {
  let written = data.length;
  const call = (api: FileSystemApi): number => {
    if (api === h.model) return api.write(inode, offset, data.subarray(0, written), somebody, kill);
    written = api.write(inode, offset, data, somebody, kill);
    return written;
  };
  const label = `write inode ${inode} at ${offset}, ${data.length} bytes`;
  const done = await h.both(label, call, sameNumber);
  const least = h.journal === 'data' ? Math.min(data.length, leastWrite) : data.length;
  if (done && written < least) h.disagree(label, [`${written} bytes were written, at least ${least} were expected`]);
  return done;
}

/** What one write takes at least in mode `data`, in bytes. */
const leastWrite = 28 * 4096;

export const operations = {
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

  async truncate(h, choose) {
    const inode = choose.file();
    if (inode === undefined) return;
    const { random } = choose;
    const { size: now } = h.model.contents(inode);
    const size = chance(random, 0.25) ? 0 : chance(random, 0.6) ? below(random, now + 1) : choose.offset(now);
    const label = `truncate inode ${inode} from ${now} to ${size}`;
    await h.both(label, (api) => api.setattr(inode, { size }, root), compareAttributes);
  },

  async write(h, choose) {
    const inode = choose.file();
    if (inode === undefined) return;
    const offset = choose.offset(h.model.contents(inode).size);
    const data = choose.bytes(choose.length());
    // A kernel asks for that by itself, and not when root writes.
    const kill = chance(choose.random, 0.1) && !h.kernel;
    const before = h.counts.ENOSPC;
    await write(h, inode, offset, data, kill);
    // As on Linux, privileges go first: they may be gone though no byte was written.
    if (kill && h.counts.ENOSPC !== before) await h.adoptPart(inode, () => undefined);
  },

  /** A megabyte or more, appended. */
  async fill(h, choose) {
    const inode = choose.file();
    if (inode === undefined) return;
    for (let i = 0; i < 3; i++) {
      if (!h.model.nodes.has(inode)) return;
      const { size } = h.model.contents(inode);
      if (size > 64 << 20) return;
      if (!(await write(h, inode, size, choose.bytes(Math.min(h.mostBytes, 256 << 10))))) return;
    }
  },

  /** One page here, one there: extents that can't be joined. */
  async scatter(h, choose) {
    const inode = choose.file();
    if (inode === undefined) return;
    const start = 4096 * below(choose.random, 200);
    for (let i = 0; i < 20; i++) {
      if (!h.model.nodes.has(inode)) return;
      if (!(await write(h, inode, start + i * 8192, choose.bytes(4096)))) return;
    }
  },

  /** The beginning of a file again and again, each time with an fsync for which nobody waits: segments die quickly. */
  async rewrite(h, choose) {
    const inode = choose.file();
    const length = Math.max(h.mostBytes / 2, choose.length());
    for (let i = 0; i < 4 && inode !== undefined; i++) {
      if (!h.model.nodes.has(inode) || !(await write(h, inode, 0, choose.bytes(length)))) return;
      h.syncInBackground(inode);
    }
  },

  async read(h, choose) {
    const inode = choose.file();
    if (inode === undefined) return;
    const { size } = h.model.contents(inode);
    const offset = chance(choose.random, 0.9) ? below(choose.random, size + 1) : choose.offset(size);
    await read(h, inode, offset, choose.length());
  },

  async fallocate(h, choose) {
    const inode = choose.file();
    if (inode === undefined) return;
    const { keepSize, punchHole, zeroRange } = fallocateFlag;
    const modes = [0, keepSize, punchHole | keepSize, zeroRange, zeroRange | keepSize];
    const mode = modes[below(choose.random, modes.length)];
    const offset = choose.offset(h.model.contents(inode).size);
    const length = choose.length();
    const label = `fallocate inode ${inode}, mode ${mode}, at ${offset}, ${length} bytes`;
    const before = h.counts.ENOSPC;
    await h.both(label, async (api) => void (await api.fallocate(inode, mode, offset, length)), nothing);
    if (h.counts.ENOSPC !== before) await h.adoptPart(inode, () => h.model.fallocate(inode, mode, offset, length));
    else await h.compareFile(inode);
  },

  async copyRange(h, choose) {
    const [from, to] = choose.files(2);
    if (from === undefined || to === undefined) return;
    const { size } = h.model.contents(from);
    const offset = below(choose.random, size + 1);
    const target = choose.offset(h.model.contents(to).size);
    const length = choose.length();
    const label = `copy ${length} bytes of inode ${from} at ${offset} to inode ${to} at ${target}`;
    // On a full volume it may copy less; the model then does the same.
    let copied: number | undefined;
    const copy = async (api: FileSystemApi): Promise<number> => {
      const wanted = api === h.model ? (copied ?? length) : length;
      const count = await api.copyRange(from, offset, to, target, wanted, root);
      if (api !== h.model) copied = count;
      return count;
    };
    const before = h.counts.ENOSPC;
    const done = await h.both(label, copy, sameNumber);
    if (h.counts.ENOSPC !== before) {
      await h.adoptPart(to, () => void h.model.copyRange(from, offset, to, target, length));
    } else {
      const whole = (copied ?? 0) >= Math.min(length, size - offset);
      // In mode `data` a copy is one step of its work.
      if (done && !whole && h.journal !== 'data') h.mayBeFull(label);
      await h.compareFile(to);
    }
  },

  async seek(h, choose) {
    const inode = choose.file();
    if (inode === undefined) return;
    const { size } = h.model.contents(inode);
    const offset = below(choose.random, size + 10);
    const label = `seek in inode ${inode} from ${offset}`;
    for (const whence of [seek.data, seek.hole]) {
      const answer = await h.ask(label, (api) => api.seek(inode, offset, whence));
      if (answer === 'off') return;
      if ('error' in answer && (answer.error.code !== 'ENXIO' || (whence === seek.hole && offset < size))) {
        h.disagree(label, [`whence ${whence} answered ${answer.error.code}, size is ${size}`]);
      }
      // Past the end, or only a hole is left.
      const found = 'value' in answer ? answer.value : size;
      if (offset >= size) continue;
      if (found < offset || found > size) h.disagree(label, [`whence ${whence} answered ${found}, size is ${size}`]);
      const skipped = h.model.contents(inode).read(offset, Math.min(found - offset, 8 << 20));
      if (whence === seek.data && !isZeros(skipped)) h.disagree(label, [`data before ${found} was skipped`]);
      const after = whence === seek.hole ? h.model.contents(inode).read(found, 4096 - (found % 4096)) : undefined;
      if (after && !isZeros(after)) h.disagree(label, [`SEEK_HOLE answered ${found}, where data is`]);
    }
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

  async hold(h, choose) {
    const inode = choose.file();
    if (inode === undefined) return;
    await h.both(`hold inode ${inode}`, (api) => api.hold(inode), nothing);
  },

  async letGo(h, choose) {
    const inode = choose.held();
    if (inode === undefined) return;
    const count = 1 + below(choose.random, h.model.node(inode).holds);
    await h.both(`let go of inode ${inode}, ${count} times`, (api) => api.letGo(inode, count), nothing);
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

  /** Reads and writes of several files, overlapping. */
  async together(h, choose) {
    const calls = choose.files(2 + below(choose.random, 6)).map((inode) => {
      const { size } = h.model.contents(inode);
      if (chance(choose.random, 0.3)) {
        const offset = choose.offset(size);
        const data = choose.bytes(h.journal === 'data' ? Math.min(choose.length(), leastWrite) : choose.length());
        const label = `write inode ${inode} at ${offset}, ${data.length} bytes`;
        return { label, call: (api: FileSystemApi) => api.write(inode, offset, data, root), check: nothing };
      }
      const offset = below(choose.random, size + 1);
      const length = choose.length();
      const into = new Map<FileSystemApi, Uint8Array>();
      const call = async (api: FileSystemApi): Promise<void> => {
        const bytes = new Uint8Array(length);
        into.set(api, bytes.subarray(0, await api.read(inode, offset, bytes)));
      };
      const check = (): string[] => {
        const [a, b] = [into.get(h.model), into.get(h.api)];
        return a && b ? compareBytes(`inode ${inode} from ${offset}`, a, b) : ['nothing was read'];
      };
      return { label: `read inode ${inode} at ${offset}, ${length} bytes`, call, check };
    });
    await h.together(calls);
  },

  async fsync(h, choose) {
    const inode = choose.file();
    if (inode !== undefined) await h.sync(inode);
  },

  async fsyncInBackground(h, choose) {
    const inode = choose.file();
    if (h.waiting >= 4) await h.settle();
    else if (inode !== undefined) h.syncInBackground(inode);
  },

  async sync(h) {
    await h.sync();
  },

  async settle(h) {
    await h.settle();
  },

  async commit(h) {
    await h.commit();
  },

  ...rootOperations,

  async compare(h) {
    await h.compare();
  },

  async remount(h) {
    await h.remount();
  },

  async cut(h) {
    await h.cut();
  },

  async kill(h) {
    await h.kill();
  },

  async planCut(h, choose) {
    h.planCut(1 + below(choose.random, 80));
  },
} satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;

/** What to do, and the seed of its parameters. */
export interface Step {
  readonly name: OperationName;
  readonly seed: number;
}

export async function perform(harness: Harness, step: Step): Promise<void> {
  const operation: Operation = operations[step.name];
  await operation(harness, new Choose(harness, seededRandom(step.seed)));
}

/** Files among the targets, for callers that need at least one. */
export const hasFiles = (harness: Harness): boolean => [...harness.model.nodes.values()].some(isRegular);
