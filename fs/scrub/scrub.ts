/**
 * A scrub: reads every live page of an open volume from the medium and verifies it, in the background, while the
 * volume is worked in. Pages with fixed places first, then summaries, the system tree, and the file tree leaf by
 * leaf with the pages of files that each leaf names.
 *
 * It changes nothing. What it finds is told at once (`onFinding`) and kept for the report; a bad tree node stops
 * all changes to the volume, as it does when it is met in another way, a bad page of a file does not.
 *
 * Nothing is held between two pieces of work: an extent, a node or a few pages of another kind. It reads past the
 * caches of the volume and of the host.
 */
import type { Pointer } from '../format/pointer.js';
import { type ImageOffset, pageSize } from '../units.js';
import type { Volume } from '../volume/volume.js';
import { DataVerifier, dataRuns } from './data-pages.js';
import { FixedPages } from './fixed-pages.js';
import { Pacing, type PacingOptions } from './pacing.js';
import { NameSearch } from './paths.js';
import { mostFindings, type ScrubFinding, type ScrubStatus } from './report.js';
import { SummaryVerifier } from './summaries.js';
import { nodeDamage, TreeSweep } from './tree-sweep.js';

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
  private readonly findings: ScrubFinding[] = [];

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
      findings: this.findings,
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
    const system = this.sweep(state.system);
    while (await system.step(() => undefined));
    this.stage = 'files';
    await this.files();
    await this.nameFindings();
  }

  private async files(): Promise<void> {
    const verifier = new DataVerifier(this.volume, ({ problem, ...page }) => {
      const { offset, ...rest } = page;
      this.found({ what: 'data', problem, ...rest, ...(offset === undefined ? {} : { offset }) });
    });
    const sweep = this.sweep(this.volume.state.main);
    let runs: ReturnType<typeof dataRuns> = [];
    while (await sweep.step((leaf) => (runs = dataRuns(leaf)))) {
      for (const run of runs) {
        await verifier.verify(run);
        this.checked.data += run.sums.length;
        await this.worked(run.sums.length * pageSize);
      }
    }
  }

  private sweep(tree: Volume['state']['main']): TreeSweep {
    const { state } = this.volume;
    return new TreeSweep(state, tree, {
      read: (bytes) => this.worked(bytes),
      good: () => {
        this.checked.nodes += state.space.perNode;
      },
      bad: (pointer: Pointer, problem: string, offset: ImageOffset | undefined) => {
        const { address } = pointer;
        this.found({ what: 'node', problem, address, ...(offset === undefined ? {} : { offset }) });
        state.fail(nodeDamage(pointer, problem));
      },
    });
  }

  private async nameFindings(): Promise<void> {
    const wanted = new Set(this.findings.flatMap(({ inode }) => (inode === undefined ? [] : [inode])));
    if (wanted.size === 0) return;
    this.stage = 'names';
    const names = new NameSearch(this.volume, wanted);
    // Each node was verified, and told of, a moment ago.
    const sweep = new TreeSweep(this.volume.state, this.volume.state.main, {
      read: (bytes) => this.worked(bytes),
      good: () => undefined,
      bad: () => undefined,
    });
    while (await sweep.step((leaf) => names.visit(leaf)));
    for (const finding of this.findings) {
      if (finding.inode === undefined) continue;
      const path = await names.path(finding.inode);
      if (path !== undefined) finding.path = path;
    }
  }

  private worked(bytes: number): Promise<void> {
    this.bytesRead += bytes;
    return this.pacing.worked(bytes);
  }

  private found(finding: ScrubFinding): void {
    this.errors++;
    if (this.findings.length < mostFindings) this.findings.push(finding);
    this.options.onFinding?.(finding);
  }
}
