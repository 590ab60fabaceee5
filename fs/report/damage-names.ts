/**
 * Which file it was that has damaged contents: whoever reads it is told EIO and the log its inode at once; the path follows
 * here, as nothing leads from a file to its names but a look at the entries of all directories. Serves the server's log.
 *
 * Invariants
 * 1. One search at a time and a second apart, between requests, for all that was met since the one before; an inode is
 *    named once.
 * 2. A search that fails says nothing, and nothing waits for it: what can't be read is told by who needs it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NameSearch } from '../scrub/paths.js';
import { TreeSweep } from '../scrub/tree-sweep.js';
import { nextTurn } from '../suspend.js';
import type { InodeNumber } from '../units.js';
import type { Volume } from '../volume/volume.js';

/** Inodes that are named for one mount. */
const mostNamed = 1000;
/** From one search to the next, in ms: what is met meanwhile is looked for at once. */
const pauseMs = 1000;

export class DamageNames {
  private readonly named = new Set<InodeNumber>();
  private wanted = new Set<InodeNumber>();
  private searching: Promise<void> | undefined;
  /** When the next search may begin. */
  private next = 0;

  /** `log` is told a line for each file that has a name in the live tree. */
  constructor(
    private readonly volume: Volume,
    private readonly log: (line: string) => void,
  ) {}

  /** Contents of the inode were found damaged. */
  met(inode: InodeNumber): void {
    if (this.named.has(inode) || this.named.size >= mostNamed) return;
    this.named.add(inode);
    this.wanted.add(inode);
    this.searching ??= this.search().finally(() => {
      this.searching = undefined;
    });
  }

  /** What was met has been named, as far as that goes. */
  async settled(): Promise<void> {
    await this.searching;
  }

  private async search(): Promise<void> {
    try {
      while (this.wanted.size > 0) {
        await sleep(Math.max(0, this.next - performance.now()), undefined, { ref: false });
        const { wanted } = this;
        this.wanted = new Set();
        await this.name(wanted);
        this.next = performance.now() + pauseMs;
      }
    } catch {
      // The volume was closed meanwhile, or is damaged elsewhere: the first line has the inode.
    }
  }

  private async name(wanted: ReadonlySet<InodeNumber>): Promise<void> {
    const { state } = this.volume;
    const names = new NameSearch(this.volume, (inode) => wanted.has(inode));
    const events = { read: nextTurn, good: () => undefined, bad: () => undefined };
    const sweep = new TreeSweep(state, state.main, events, { from: state.store });
    for (let leaves = 1; await sweep.step((leaf) => names.visit(leaf)); leaves++)
      if (leaves % 32 === 0) await nextTurn();
    const paths = await names.paths();
    for (const inode of wanted) {
      const path = paths.get(inode);
      if (path !== undefined) this.log(`inode ${inode}, of which contents are damaged, is ${path}`);
    }
  }
}
