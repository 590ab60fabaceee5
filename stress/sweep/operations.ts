/**
 * What the scenario of a sweep does: operations drawn from a seed and from what the model holds by then, each to be
 * done on the model and on the volume. The draw depends on nothing else, so every run does the same up to its fault.
 */
import { checksum } from '../../fs/format/checksum.js';
import { type FileSystemApi, fallocateFlag } from '../../fs/posix/api.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { rootInode } from '../../fs/units.js';
import type { Model } from '../model/model.js';
import { isDirectory, isRegular, type ModelNode } from '../model/nodes.js';
import { bytesOf } from '../model/state.js';

const who = { uid: 0, gid: 0, pid: 1 };

/**
 * `file`: make its contents durable; `all`: everything; `commit`: by a checkpoint; `pause`: time passes; `remount`.
 * `changes`: the file that a call changes; `inSteps`: a failure may leave it half done in any journalling mode.
 */
export type Operation =
  | {
      readonly what: 'call';
      readonly label: string;
      readonly changes?: number;
      readonly inSteps?: boolean;
      call(api: FileSystemApi): unknown;
    }
  | { readonly what: 'file'; readonly label: string; readonly inode: number }
  | { readonly what: 'all' | 'commit' | 'pause' | 'remount'; readonly label: string };

interface Entry {
  readonly parent: number;
  readonly name: Uint8Array;
  readonly inode: number;
}

type Drawn = Operation | undefined;
type Kind = (model: Model, random: Random) => Drawn;

const call = (label: string, work: (api: FileSystemApi) => unknown): Operation => ({ what: 'call', label, call: work });

function one<T>(random: Random, list: readonly T[]): T | undefined {
  return list[below(random, list.length)];
}

const nodes = (model: Model, fits: (node: ModelNode) => boolean): ModelNode[] => [...model.nodes.values()].filter(fits);
const file = (model: Model, random: Random): number | undefined => one(random, nodes(model, isRegular))?.inode;
const directory = (model: Model, random: Random): number => one(random, nodes(model, isDirectory))?.inode ?? rootInode;
const name = (random: Random): Uint8Array => bytesOf(`name ${below(random, 30)}`);

function entry(model: Model, random: Random, fits: (node: ModelNode) => boolean): Entry | undefined {
  const all: Entry[] = [];
  for (const node of model.nodes.values()) {
    for (const [text, inode] of node.entries ?? [])
      if (fits(model.node(inode))) all.push({ parent: node.inode, name: bytesOf(text), inode });
  }
  return one(random, all);
}

const any = (): boolean => true;
const bytes = (random: Random, most: number): Uint8Array =>
  new Uint8Array(1 + below(random, most)).fill(1 + below(random, 250));

const ofFile =
  (make: (inode: number, size: number, random: Random) => Operation): Kind =>
  (model, random) => {
    const inode = file(model, random);
    return inode === undefined ? undefined : make(inode, model.contents(inode).size, random);
  };

const kinds: readonly (readonly [weight: number, kind: Kind])[] = [
  [
    12,
    (model, random) => {
      const [parent, called] = [directory(model, random), name(random)];
      return call(`create in ${parent}`, (api) => api.mknod(parent, called, 0o100644, 0, 0, who));
    },
  ],
  [
    3,
    (model, random) => {
      const [parent, called] = [directory(model, random), name(random)];
      return call(`mkdir in ${parent}`, (api) => api.mkdir(parent, called, 0o755, 0, who));
    },
  ],
  [
    2,
    (model, random) => {
      const [parent, called, target] = [directory(model, random), name(random), bytes(random, 100)];
      return call(`symlink in ${parent}`, (api) => api.symlink(parent, called, target, who));
    },
  ],
  [
    28,
    ofFile((inode, size, random) => {
      const offset = chance(random, 0.5) ? below(random, size + 1) : 4096 * below(random, 40);
      const data = bytes(random, chance(random, 0.2) ? 60_000 : 9000);
      const work = (api: FileSystemApi): unknown => api.write(inode, offset, data, who);
      return { ...call(`write ${inode} at ${offset}, ${data.length}`, work), changes: inode };
    }),
  ],
  [
    4,
    ofFile((inode, size, random) => {
      const to = chance(random, 0.3) ? 0 : below(random, 2 * size + 1);
      const work = (api: FileSystemApi): unknown => api.setattr(inode, { size: to }, who);
      return { ...call(`truncate ${inode} to ${to}`, work), changes: inode };
    }),
  ],
  [
    4,
    ofFile((inode, size, random) => {
      const { keepSize, punchHole, zeroRange } = fallocateFlag;
      const mode = [keepSize, punchHole | keepSize, zeroRange][below(random, 3)];
      const [offset, length] = [below(random, size + 1), 1 + below(random, 50_000)];
      const work = (api: FileSystemApi): unknown => api.fallocate(inode, mode, offset, length);
      return { ...call(`fallocate ${inode}, mode ${mode}`, work), changes: inode, inSteps: true };
    }),
  ],
  [
    8,
    (model, random) => {
      const found = entry(model, random, (node) => !isDirectory(node));
      return found && call(`unlink ${found.inode}`, (api) => api.unlink(found.parent, found.name, who));
    },
  ],
  [
    5,
    (model, random) => {
      const found = entry(model, random, any);
      const [parent, called] = [directory(model, random), name(random)];
      return (
        found && call(`rename ${found.inode}`, (api) => api.rename(found.parent, found.name, parent, called, 0, who))
      );
    },
  ],
  [
    3,
    (model, random) => {
      const found = entry(model, random, (node) => !isDirectory(node));
      const [parent, called] = [directory(model, random), name(random)];
      return found && call(`link ${found.inode}`, (api) => api.link(found.inode, parent, called, who));
    },
  ],
  [
    5,
    (model, random) => {
      const { inode } = one(random, nodes(model, any)) ?? { inode: rootInode };
      const [called, value] = [bytesOf(`user.${below(random, 4)}`), bytes(random, chance(random, 0.3) ? 9000 : 60)];
      return call(`setxattr ${inode}`, (api) => api.setxattr(inode, called, value, 0, who));
    },
  ],
  [
    8,
    ofFile((inode, size, random) => {
      const offset = below(random, size + 1);
      const length = 1 + below(random, 30_000);
      return call(`read ${inode} at ${offset}`, async (api) => {
        const into = new Uint8Array(length);
        const got = await api.read(inode, offset, into);
        return `${got} bytes, CRC32C ${checksum(into.subarray(0, got))}`;
      });
    }),
  ],
  [22, ofFile((inode) => ({ what: 'file', label: `fsync ${inode}`, inode }))],
  [3, () => ({ what: 'all', label: 'sync' })],
  [2, () => ({ what: 'commit', label: 'commit' })],
  [5, () => ({ what: 'pause', label: 'a pause' })],
  [1, () => ({ what: 'remount', label: 'remount' })],
];

const total = kinds.reduce((sum, [weight]) => sum + weight, 0);

export function drawOperation(model: Model, random: Random): Operation {
  let at = random() * total;
  for (const [weight, kind] of kinds) {
    at -= weight;
    if (at < 0) return kind(model, random) ?? { what: 'all', label: 'sync' };
  }
  return { what: 'all', label: 'sync' };
}
