/**
 * What `varve snapshot` can ask for, by name: of the server of a mount through its control socket, and in the program
 * itself of an image that nobody serves. Arguments and results are fit for JSON.
 */
import { FsError, VolumeError } from '../errors.js';
import { nextTurn } from '../suspend.js';
import { type PathDifference, pathDifferences } from '../transfer/path-difference.js';
import { pageSize } from '../units.js';
import type { KeptRoot } from '../volume/kept-roots.js';
import { rootUsage } from '../volume/snapshot-usage.js';
import { SnapshotView } from '../volume/snapshot-view.js';
import { spaceByCause } from '../volume/space-by-cause.js';
import type { Volume } from '../volume/volume.js';
import type { Arguments, CommandHandler } from './control.js';
import { adviceOf } from './full-advice.js';
import { relocationFacts } from './relocation-facts.js';

export interface SnapshotFacts {
  readonly name: string;
  readonly id: number;
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly inodes: number;
  /** Bytes of all that it leads to. */
  readonly referenced: number;
  /** Bytes that come back if this one alone is deleted. */
  readonly unique: number;
}

export interface BranchFacts {
  /** Empty for the one of a new volume. */
  readonly name: string;
  readonly live: boolean;
  readonly inodes: number;
  /** Bytes of all that it leads to. */
  readonly referenced: number;
}

/** Makes, deletes and renames snapshots: the volume, or what serves it. */
export interface SnapshotMaker {
  create(name: string): Promise<KeptRoot>;
  /** Of the history, what was live at that moment, in seconds since 1970. */
  keep(name: string, seconds: number): Promise<KeptRoot>;
  remove(name: string): Promise<void>;
  rename(name: string, newName: string): Promise<void>;
}

export type SnapshotCommands = Readonly<Record<string, CommandHandler>>;

/** `maker`: what serves the volume while it is mounted. */
export function snapshotCommands(volume: Volume, maker: SnapshotMaker = volume.snapshots): SnapshotCommands {
  const mounted = maker !== volume.snapshots;
  return {
    'snapshot-list': () => listOf(volume),
    'history-list': () => historyOf(volume),
    'snapshot-create': async (given) => facts(volume, await create(maker, given)),
    'snapshot-delete': (given) => maker.remove(text(given, 'name')),
    'snapshot-rename': (given) => maker.rename(text(given, 'name'), text(given, 'to')),
    'snapshot-clone': async (given) => {
      await volume.lines.clone(text(given, 'name'), text(given, 'branch'));
    },
    'snapshot-rollback': (given) => rollback(volume, mounted, given),
    'snapshot-diff': (given) => differences(volume, text(given, 'from'), text(given, 'to')),
    'branch-list': () => branchesOf(volume),
    'branch-delete': (given) => volume.lines.remove(text(given, 'branch')),
    space: () => spaceByCause(volume.state),
    relocations: () => relocationFacts(volume.state, volume.movedPages.resettled),
    advice: () => adviceOf(volume.state),
    /** All that only deleted snapshots held is given back. */
    'snapshot-wait': async () => {
      await volume.leaving.idle;
      await volume.commit();
    },
  };
}

function differences(volume: Volume, from: string, to: string): Promise<PathDifference[]> {
  return pathDifferences(viewOf(volume, from), viewOf(volume, to), nextTurn);
}

/** A snapshot, to be read. ENOENT. */
export function viewOf(volume: Volume, name: string): SnapshotView {
  const root = volume.snapshots.find(name);
  if (root === undefined) throw new FsError('ENOENT', 'snapshot', undefined, `there is no snapshot ${name}`);
  return new SnapshotView(volume, root);
}

/** Who has files open would find others under their names: not while the volume is mounted. */
async function rollback(volume: Volume, mounted: boolean, given: Arguments): Promise<void> {
  if (mounted) throw new VolumeError('in-use', 'a mounted volume is not rolled back: unmount it first');
  await volume.lines.rollback(text(given, 'name'), given.keep === null ? undefined : text(given, 'keep'));
}

function branchesOf(volume: Volume): BranchFacts[] {
  const { state, lines } = volume;
  const live = { name: lines.live, inodes: state.inodes, pages: state.mainPages, nodes: state.main.nodes };
  return [live, ...lines.list()].map((root, i) => ({
    name: root.name,
    live: i === 0,
    inodes: root.inodes,
    referenced: (root.pages + root.nodes * state.space.perNode) * pageSize,
  }));
}

async function listOf(volume: Volume): Promise<SnapshotFacts[]> {
  const { unique } = await rootUsage(volume.state);
  return volume.snapshots.list().map((root) => facts(volume, root, unique.get(root.id)));
}

async function historyOf(volume: Volume): Promise<SnapshotFacts[]> {
  const { unique } = await rootUsage(volume.state);
  return volume.history.list().map((root) => facts(volume, root, unique.get(root.id)));
}

async function create(maker: SnapshotMaker, given: Arguments): Promise<KeptRoot> {
  const name = text(given, 'name');
  if (given.at === undefined) return maker.create(name);
  if (!Number.isSafeInteger(given.at)) throw new VolumeError('usage', 'at is no time');
  return maker.keep(name, given.at as number);
}

const facts = (volume: Volume, root: KeptRoot, unique = 0): SnapshotFacts => ({
  name: root.name,
  id: root.id,
  generation: root.generation,
  created: root.seconds * 1000,
  inodes: root.inodes,
  referenced: (root.pages + root.nodes * volume.state.space.perNode) * pageSize,
  unique: unique * pageSize,
});

function text(given: Arguments, name: string): string {
  const value = given[name];
  if (typeof value !== 'string') throw new VolumeError('usage', `${name} is missing`);
  return value;
}
