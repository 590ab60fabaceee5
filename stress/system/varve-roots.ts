/** The roots of a Varve volume as the harness and the crash sweep use them: all that can be done with snapshots, by name. */
import { FsError, VolumeError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { receiveStream } from '../../fs/transfer/receiver.js';
import { tokenText } from '../../fs/transfer/resume-token.js';
import { type SendOptions, sendStream } from '../../fs/transfer/sender.js';
import type { KeptRoot } from '../../fs/volume/kept-roots.js';
import { SnapshotView } from '../../fs/volume/snapshot-view.js';
import type { Volume } from '../../fs/volume/volume.js';
import { type Dump, dump } from '../model/dump.js';
import type { Holding } from '../model/holding.js';

/** Steps of a transfer between two turns of the event loop. */
const stretch = 8;

/** What tells the trees of roots apart, whatever else their records say. */
export const nodeOf = ({ pointer }: KeptRoot): string => `${pointer.address} ${pointer.checksum}`;

/** Why a stream was not received: there was no room for it. What is kept of it is said in the same words. */
export const isFull = (error: unknown): boolean =>
  error instanceof FsError ? error.code === 'ENOSPC' : error instanceof VolumeError && /^ENOSPC\b/.test(error.message);

/** Part of a snapshot that waits for its rest. */
export interface Part {
  readonly name: string;
  readonly token: string;
}

export class VarveRoots {
  constructor(readonly volume: Volume) {}

  /** Number of the live line. */
  get line(): number {
    return this.volume.state.rootId;
  }
  get lineName(): string {
    return this.volume.lines.live;
  }
  get snapshots(): readonly KeptRoot[] {
    return this.volume.snapshots.list();
  }
  get branches(): readonly KeptRoot[] {
    return this.volume.lines.list();
  }

  snapshot(name: string): KeptRoot {
    return mustBe(this.volume.snapshots.find(name), name);
  }
  branch(name: string): KeptRoot {
    return mustBe(this.volume.lines.find(name), name);
  }

  /** Everything that it holds. `like`: what that may well be. */
  look(root: KeptRoot, like?: Holding): Promise<Dump> {
    const api = new FileSystem(new SnapshotView(this.volume, root), { cacheBytes: 1, accessTimes: 'noatime' });
    return dump(api, (inode) => like?.files.get(inode));
  }

  /** The stream of a snapshot, whole or from one that the receiver has. */
  async send(name: string, from?: string): Promise<Uint8Array> {
    return this.stream(this.snapshot(name), from === undefined ? {} : { from: this.snapshot(from) });
  }

  async stream(snapshot: KeptRoot, options: Omit<SendOptions, 'breathe'>): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of sendStream(this.volume, snapshot, { ...options, breathe: breather() }))
      chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  /** `keep`: what came stays if it is not all. */
  async receive(stream: Uint8Array, keep: boolean): Promise<void> {
    await receiveStream(this.volume, pieces(stream), { keep, breathe: breather() });
  }

  get parts(): readonly Part[] {
    const { receptions } = this.volume;
    return receptions.partial().map((part) => {
      const token = tokenText({ to: part.identity, from: receptions.baseOf(part), after: part.received });
      return { name: part.name, token };
    });
  }

  async giveUp(name: string): Promise<void> {
    const { receptions } = this.volume;
    await receptions.remove(
      mustBe(
        receptions.partial().find((part) => part.name === name),
        name,
      ).id,
    );
  }

  /** The generation up to which what a branch and the live line have may be the same page; 0: they have none in common. */
  commonGeneration(branch: KeptRoot): number {
    const { roots, newestRoot } = this.volume.state;
    const before = new Set<number>();
    for (let id = newestRoot; id !== 0; id = roots.get(id)?.parent ?? 0) before.add(id);
    for (let root = roots.get(branch.parent); root !== undefined; root = roots.get(root.parent))
      if (before.has(root.id)) return root.generation;
    return 0;
  }

  /** Pages that the live line has dropped since the last checkpoint and a branch has from before it began. */
  get droppedBesideBranch(): number {
    const common = Math.max(0, ...this.branches.map((branch) => this.commonGeneration(branch)));
    let pages = 0;
    for (const run of this.volume.state.dropped.waiting) if (run.birth <= common) pages += run.pages;
    return pages;
  }
}

function mustBe(root: KeptRoot | undefined, name: string): KeptRoot {
  if (root === undefined) throw new Error(`there is no root ${name}`);
  return root;
}

async function* pieces(stream: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < stream.length; at += 4096) yield stream.subarray(at, at + 4096);
}

function breather(): () => Promise<void> {
  let steps = 0;
  return () => (++steps % stretch === 0 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve());
}
