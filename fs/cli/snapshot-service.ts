/**
 * What `varve snapshot` can ask for, by name: of the server of a mount through its control socket, and in the program
 * itself of an image that nobody serves. Arguments and results are fit for JSON.
 */
import { VolumeError } from '../errors.js';
import { pageSize } from '../units.js';
import type { KeptRoot } from '../volume/kept-roots.js';
import { uniquePages } from '../volume/snapshot-usage.js';
import type { Volume } from '../volume/volume.js';
import type { Arguments, CommandHandler } from './control.js';

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

/** Makes, deletes and renames snapshots: the volume, or what serves it. */
export interface SnapshotMaker {
  create(name: string): Promise<KeptRoot>;
  remove(name: string): Promise<void>;
  rename(name: string, newName: string): Promise<void>;
}

export type SnapshotCommands = Readonly<Record<string, CommandHandler>>;

export function snapshotCommands(volume: Volume, maker: SnapshotMaker = volume.snapshots): SnapshotCommands {
  return {
    'snapshot-list': () => listOf(volume),
    'snapshot-create': async (given) => facts(volume, await maker.create(text(given, 'name'))),
    'snapshot-delete': (given) => maker.remove(text(given, 'name')),
    'snapshot-rename': (given) => maker.rename(text(given, 'name'), text(given, 'to')),
    /** All that only deleted snapshots held is given back. */
    'snapshot-wait': async () => {
      await volume.leaving.idle;
      await volume.commit();
    },
  };
}

async function listOf(volume: Volume): Promise<SnapshotFacts[]> {
  const unique = await uniquePages(volume.state);
  return volume.snapshots.list().map((root) => facts(volume, root, unique.get(root.id)));
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
