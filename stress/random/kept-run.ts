/**
 * Snapshots, branches and streams of a run: what there is by the answers of the volume, and what each of them holds, which
 * is what the model held when it was made. A stream is received while other operations go on.
 */
import { FsError, VolumeError } from '../../fs/errors.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import type { KeptRoot } from '../../fs/volume/kept-roots.js';
import { compareHolding, type Holding, holdingOf } from '../model/holding.js';
import { type Change, KeptLog, type Turn } from '../model/kept.js';
import { restore } from '../model/restore.js';
import { type Donor, donor, identityOf, type Stream, streamOf } from '../system/donor.js';
import { isFull, nodeOf, type VarveRoots } from '../system/varve-roots.js';
import type { Harness } from './harness.js';
import { attempt } from './outcome.js';

/** Own streams that are kept. */
const mostStreams = 3;

export class KeptRun {
  private readonly streams: Stream[] = [];
  private receiving: Promise<void> | undefined;
  private failure: unknown;

  private constructor(
    private readonly harness: Harness,
    readonly roots: VarveRoots,
    private readonly donor: Donor,
    readonly log: KeptLog,
  ) {}

  /** Takes over what there is. `moment`: of the disk. */
  static async begin(harness: Harness, roots: VarveRoots, moment: () => number): Promise<KeptRun> {
    const held = async (list: readonly KeptRoot[]): Promise<Map<string, Holding>> => {
      const names = new Map<string, Holding>();
      for (const root of list) names.set(root.name, { ...holdingOf(await roots.look(root)), root: nodeOf(root) });
      return names;
    };
    const [snapshots, branches] = [await held(roots.snapshots), await held(roots.branches)];
    const log = new KeptLog({ snapshots, branches, line: roots.line, lineName: roots.lineName }, moment);
    return new KeptRun(harness, roots, await donor(), log);
  }

  get isReceiving(): boolean {
    return this.receiving !== undefined;
  }

  /** Once no stream is being received. Throws what was wrong with one. */
  async settled(): Promise<void> {
    await this.receiving;
    if (this.failure !== undefined) throw this.failure;
  }

  /** Count what the last operation did beside branches. */
  observe(): void {
    const pages = this.roots.droppedBesideBranch;
    if (pages > 0) this.harness.count('pages dropped beside a branch', pages);
  }

  /**
   * Change which roots there are. `data`: what is dirty is durable with it, as all metadata are. False: there was no room.
   */
  async change(change: Change, act: () => Promise<unknown>, data = false): Promise<boolean> {
    await this.harness.tick();
    const first = this.harness.begin();
    const moment = this.harness.model.history.now();
    const done = await this.noted(change, act, () => this.harness.ended(first));
    if (done) this.harness.model.history.durable(moment, data ? undefined : []);
    return done;
  }

  /** Make another line live: what the model knows of the old one counts no more. False: there was no room. */
  async turn(change: Turn, act: () => Promise<unknown>): Promise<boolean> {
    const first = this.harness.begin();
    return this.noted(
      change,
      () => this.harness.turn(act),
      async (done) => {
        this.harness.ended(first);
        if (!done) return;
        const found = await this.harness.find();
        const problems = compareHolding('the line that is live now', change.live.holding, found);
        if (problems.length > 0) this.harness.disagree(change.label, problems);
        restore(this.harness.model, found);
      },
    );
  }

  /** `learn`: what the model makes of it. Until it knows, the change is under way: the volume may be writing on by itself. */
  private async noted(
    change: Change,
    act: () => Promise<unknown>,
    learn: (done: boolean) => Promise<void> | void,
  ): Promise<boolean> {
    this.harness.note(change.label);
    this.log.begin(change);
    const outcome = await attempt(act);
    await learn('value' in outcome);
    this.log.end(change, 'value' in outcome, this.roots.line);
    if ('value' in outcome) return true;
    if (outcome.error.code !== 'ENOSPC') this.harness.disagree(change.label, [`found ${outcome.error.message}`]);
    this.harness.count('roots without room');
    return false;
  }

  /** What has just been made holds what it should. */
  async verify(root: KeptRoot, expected: Holding): Promise<void> {
    const problems = compareHolding(root.name, expected, await this.roots.look(root, expected));
    if (problems.length > 0) this.harness.disagree(`${root.name} was made`, problems);
    expected.root = nodeOf(root);
  }

  /** It may be deleted meanwhile. */
  private async verifyReceived(root: KeptRoot, expected: Holding): Promise<void> {
    try {
      await this.verify(root, expected);
    } catch (e) {
      if (!(e instanceof FsError && e.code === 'ESTALE') || this.roots.volume.snapshots.has(root.id)) throw e;
    }
  }

  async send(name: string, from: string | undefined): Promise<void> {
    this.streams.push(await streamOf(this.roots, name, from));
    if (this.streams.length > mostStreams) this.streams.shift();
    this.harness.count('streams sent');
  }

  /** Begin to receive some stream that can be: whole or up to a break, or the rest of one that broke off. */
  async receive(random: Random): Promise<void> {
    const { roots, donor } = this;
    const part = roots.parts.find(({ name }) => donor.streams.some((stream) => stream.name === name));
    const stream = chance(random, 0.5) ? undefined : this.drawn(random);
    if (part && !stream) {
      const whole = donor.streams.find(({ name }) => name === part.name) as Stream;
      if (this.log.now.snapshots.has(part.name)) return;
      this.harness.count('streams gone on with');
      return this.take({ ...whole, bytes: await donor.rest(part.token) }, random);
    }
    if (stream) await this.take(stream, random);
  }

  /** A stream whose snapshot is not here, nor a part of it, and the one on which it builds is. */
  private drawn(random: Random): Stream | undefined {
    const { roots, log } = this;
    const here = new Set(roots.snapshots.map(({ name }) => identityOf(roots, name)));
    const parts = roots.parts.map(({ name }) => name);
    const fit = [...this.donor.streams, ...this.streams].filter(
      ({ name, to, from }) =>
        !log.now.snapshots.has(name) &&
        !here.has(to) &&
        !parts.includes(name) &&
        (from === undefined || here.has(from)),
    );
    return fit[below(random, Math.max(1, fit.length))];
  }

  private async take(stream: Stream, random: Random): Promise<void> {
    const { harness, roots, log } = this;
    const { name, bytes } = stream;
    const holding = { ...stream.holding };
    const whole = chance(random, 0.6);
    const keep = chance(random, 0.5);
    const sent = whole ? bytes : bytes.subarray(0, below(random, bytes.length));
    const label = `receive ${name}, ${sent.length} of ${bytes.length} bytes${keep ? ', to be kept' : ''}`;
    const change: Change = { label, snapshots: [[name, holding]] };
    harness.note(label);
    log.begin(change);
    this.receiving = roots
      .receive(sent, keep)
      .then(
        async () => {
          log.end(change, true, roots.line);
          harness.count('streams received');
          await this.verifyReceived(roots.snapshot(name), holding);
        },
        (e: unknown) => {
          log.end(change, false, roots.line);
          harness.note(`  ${name} was not received: ${e instanceof Error ? e.message : String(e)}`);
          if (!isFull(e) && (whole || !(e instanceof VolumeError))) throw e;
          harness.count('streams broken off');
        },
      )
      .catch((e: unknown) => {
        this.failure ??= e;
      })
      .finally(() => {
        this.receiving = undefined;
      });
    if (chance(random, 0.4)) await this.settled();
  }
}
