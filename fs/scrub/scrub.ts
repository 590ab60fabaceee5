/**
 * A scrub: reads every live page of an open volume from the medium and verifies it, in the background, while the
 * volume is worked in. Pages with fixed places first, then summaries, the system tree, and the file trees of snapshots
 * and of the live root (root-order.ts), leaf by leaf with the pages of files that each leaf names.
 *
 * It changes nothing. What it finds is told at once (`onFinding`) and kept for the report; a bad node of the live tree stops
 * all changes to the volume, as it does when it is met in another way. A bad page of a file does not, and neither does what
 * only a snapshot has.
 *
 * Nothing is held between two pieces of work: an extent, a node or a few pages of another kind. It reads past the
 * caches of the volume and of the host.
 */
import { FsError } from '../errors.js';
import { rootKind } from '../format/item.js';
import { run } from '../suspend.js';
import { words } from '../tree/key.js';
import type { Tree } from '../tree/tree.js';
import { type Address, type Generation, pageSize } from '../units.js';
import type { VolumeApi } from '../volume/api.js';
import type { KeptRoot } from '../volume/kept-roots.js';
import { SnapshotView } from '../volume/snapshot-view.js';
import type { Volume } from '../volume/volume.js';
import { DataVerifier, dataRuns, hasPage } from './data-pages.js';
import { FixedPages } from './fixed-pages.js';
import { Pacing, type PacingOptions } from './pacing.js';
import { NameSearch } from './paths.js';
import { mostFindings, type ScrubFinding, type ScrubStatus } from './report.js';
import { RootOrder } from './root-order.js';
import { SummaryVerifier } from './summaries.js';
import { nodeDamage, type SweepEvents, TreeSweep } from './tree-sweep.js';

export interface ScrubOptions extends PacingOptions {
  /** Told of each finding as it is made; its path is not yet known. */
  readonly onFinding?: (finding: ScrubFinding) => void;
}

export class Scrub {
  /** Resolves when it has ended, however; never rejects. */
  readonly ended: Promise<void>;
  private readonly stopping = new AbortController();
  private readonly pacing: Pacing;
  private readonly now: () => number;
  private readonly began: number;
  private readonly all: number;
  private seconds: number | undefined;
  private stage = 'superblock, checkpoints, segment table';
  private state: ScrubStatus['state'] = 'running';
  private failure: string | undefined;
  private readonly checked = { fixed: 0, summaries: 0, nodes: 0, data: 0 };
  private bytesRead = 0;
  private errors = 0;
  private readonly kept: { readonly finding: ScrubFinding; readonly root: KeptRoot | undefined }[] = [];

  /** It begins at once. */
  constructor(
    private readonly volume: Volume,
    private readonly options: ScrubOptions = {},
  ) {
    this.pacing = new Pacing(options, this.stopping.signal);
    this.now = options.now ?? (() => performance.now());
    this.began = this.now();
    this.all = volume.statistics().live;
    this.ended = this.run();
  }

  /** End it after the piece of work at hand. */
  stop(): Promise<void> {
    this.stopping.abort();
    return this.ended;
  }

  get status(): ScrubStatus {
    const done = this.checked.nodes + this.checked.data;
    return {
      state: this.state,
      stage: this.stage,
      pagesChecked: { ...this.checked },
      done: this.state === 'finished' ? this.all : Math.min(done, this.all),
      all: this.all,
      bytesRead: this.bytesRead,
      seconds: this.seconds ?? this.elapsed,
      findings: this.kept.map(({ finding }) => finding),
      errors: this.errors,
      ...(this.failure === undefined ? {} : { failure: this.failure }),
    };
  }

  private get elapsed(): number {
    return (this.now() - this.began) / 1000;
  }

  private async run(): Promise<void> {
    try {
      await this.verifyAll();
      this.state = 'finished';
    } catch (e) {
      this.state = this.stopping.signal.aborted ? 'stopped' : 'failed';
      if (this.state === 'failed') this.failure = e instanceof Error ? e.message : String(e);
    }
    this.seconds = this.elapsed;
  }

  private async verifyAll(): Promise<void> {
    const { state } = this.volume;
    const { checked } = this;
    await new FixedPages(this.volume, {
      read: (bytes) => {
        checked.fixed += bytes / pageSize;
        return this.worked(bytes);
      },
      bad: (what, problem, offset) => this.found({ what, problem, offset }),
    }).verify();
    this.stage = 'summaries';
    await new SummaryVerifier(state, {
      read: (bytes) => this.worked(bytes),
      good: () => void checked.summaries++,
      bad: (problem, offset) => this.found({ what: 'summary', problem, offset }),
    }).verify();
    this.stage = 'system tree';
    const system = new TreeSweep(state, state.system, this.events(this.failing()));
    while (await system.step(() => undefined));
    const order = new RootOrder(state);
    for (const root of order.kept()) {
      this.stage = holderName(root);
      const view = new SnapshotView(this.volume, root);
      if (await this.files(view, view.tree, order.seen(root.parent), root)) order.done(root);
    }
    this.stage = 'files';
    await this.files(this.volume, state.main, order.seen(state.newestRoot));
    await this.nameFindings();
  }

  /** Verify what a root has that was born after `floor`. False: not all of it, as a node is bad or the root was deleted meanwhile. */
  private async files(api: VolumeApi, tree: Tree, floor: Generation, kept?: KeptRoot): Promise<boolean> {
    const { state, snapshots } = this.volume;
    const isThere = (): boolean => kept === undefined || snapshots.has(kept.id);
    let whole = true;
    const verifier = new DataVerifier(state, api, async ({ problem, offset, ...page }) => {
      if (!isThere()) return;
      const { inode, address } = page;
      const live = kept === undefined || (await hasPage(this.volume, inode, page.page, address));
      this.found({ what: 'data', problem, ...page, ...known(offset), ...(live ? {} : { root: kept }) });
    });
    const bad: SweepEvents['bad'] = async (pointer, problem, offset, key) => {
      whole = false;
      if (!isThere()) return;
      const live = kept === undefined || (await hasNode(state.main, key, pointer.address));
      this.found({
        what: 'node',
        problem,
        address: pointer.address,
        ...known(offset),
        ...(live ? {} : { root: kept }),
      });
      if (live) state.fail(nodeDamage(pointer, problem));
    };
    const sweep = new TreeSweep(state, tree, this.events(bad), { floor });
    let runs: ReturnType<typeof dataRuns> = [];
    while (isThere() && (await sweep.step((leaf) => (runs = dataRuns(leaf, floor))))) {
      for (const run of runs) {
        await verifier.verify(run);
        this.checked.data += run.sums.length;
        await this.worked(run.sums.length * pageSize);
      }
    }
    return whole && isThere();
  }

  private events(bad: SweepEvents['bad']): SweepEvents {
    return {
      read: (bytes) => this.worked(bytes),
      good: () => {
        this.checked.nodes += this.volume.state.space.perNode;
      },
      bad,
    };
  }

  /** A bad node of a tree without which nothing goes on. */
  private failing(): SweepEvents['bad'] {
    return (pointer, problem, offset) => {
      this.found({ what: 'node', problem, address: pointer.address, ...known(offset) });
      this.volume.state.fail(nodeDamage(pointer, problem));
    };
  }

  /** Look names up, in the tree of each root in which something was found. */
  private async nameFindings(): Promise<void> {
    const { volume } = this;
    const roots = new Set(this.kept.map(({ root }) => root));
    for (const root of roots) {
      const findings = this.kept.filter((kept) => kept.root === root).map(({ finding }) => finding);
      if (root === undefined) await this.name(findings, volume, volume.state.main);
      else {
        const view = new SnapshotView(volume, root);
        await this.name(findings, view, view.tree);
      }
    }
  }

  private async name(findings: readonly ScrubFinding[], api: VolumeApi, tree: Tree): Promise<void> {
    const wanted = new Set(findings.flatMap(({ inode }) => (inode === undefined ? [] : [inode])));
    if (wanted.size === 0) return;
    this.stage = 'names';
    const names = new NameSearch(api, (inode) => wanted.has(inode));
    // Each node was verified, and told of, a moment ago.
    const sweep = new TreeSweep(this.volume.state, tree, {
      read: (bytes) => this.worked(bytes),
      good: () => undefined,
      bad: () => undefined,
    });
    while (await sweep.step((leaf) => names.visit(leaf)));
    const paths = await names.paths();
    for (const finding of findings) {
      if (finding.inode === undefined) continue;
      const path = paths.get(finding.inode);
      if (path !== undefined) finding.path = path;
    }
  }

  private worked(bytes: number): Promise<void> {
    this.bytesRead += bytes;
    return this.pacing.worked(bytes);
  }

  /** `root`: the kept root that has it, if the live one has not. */
  private found({ root, ...page }: ScrubFinding & { readonly root?: KeptRoot }): void {
    this.errors++;
    const finding = root === undefined ? page : { ...page, holder: holderName(root) };
    if (this.kept.length < mostFindings) this.kept.push({ finding, root });
    this.options.onFinding?.(finding);
  }
}

/** Whether that node lies where the key leads in a tree; so it is taken to be where the way there can't be read. */
async function hasNode(tree: Tree, key: Uint32Array, address: Address): Promise<boolean> {
  try {
    return await run(() => leadsTo(tree, key, address));
  } catch (e) {
    if (e instanceof FsError && (e.code === 'EUCLEAN' || e.code === 'EIO')) return true;
    throw e;
  }
}

/** May throw Suspend. */
function leadsTo(tree: Tree, key: Uint32Array, address: Address): boolean {
  if (tree.root.address === address) return true;
  words.set(key);
  let node = tree.rootNode();
  for (let level = tree.height - 1; level > 0; level--) {
    const index = node.childIndex();
    if (node.childAddress(index) === address) return true;
    node = tree.child(node, index);
  }
  return false;
}

const kindNames: Readonly<Record<number, string>> = {
  [rootKind.snapshot]: 'snapshot',
  [rootKind.line]: 'branch',
  [rootKind.history]: 'history',
};

/** As `varve snapshot list` names it; a root of the history has no name but its time. */
const holderName = ({ kind, name, seconds }: KeptRoot): string =>
  kind === rootKind.history ? `history of ${new Date(seconds * 1000).toISOString()}` : `${kindNames[kind]} ${name}`;

const known = (offset: number | undefined): { offset?: number } => (offset === undefined ? {} : { offset });
