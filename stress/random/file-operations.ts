/** Operations on the contents of files. */
import { type FileSystemApi, fallocateFlag, seek } from '../../fs/posix/api.js';
import { below, chance } from '../../fs/store/random.js';
import { compareAttributes, compareBytes } from '../model/compare.js';
import { isZeros } from '../model/contents.js';
import type { Harness } from './harness.js';
import { nothing, type Operation, root, sameNumber, somebody } from './operation.js';

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

export const fileOperations = {
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
} satisfies Record<string, Operation>;
