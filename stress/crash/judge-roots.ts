/**
 * What a crash must leave of snapshots, branches and streams, in every journalling mode:
 *
 * 1. Making, renaming and deleting a snapshot or a branch, a rollback, a turn to a branch, the end of a stream: each is there
 *    when it has been acknowledged, and else as a whole or not at all.
 * 2. A snapshot, and a branch that is not live, holds what it held when it was made: names, attributes, times and contents.
 * 3. Of a stream that did not come to its end nothing is visible. Where it is to be kept, the rest can follow, and the
 *    snapshot is then what was sent; or it is given up.
 * 4. What was deleted goes on leaving, and in the end each page that is in use is one of a root. fsck counts that.
 */

import { below, chance, type Random } from '../../fs/store/random.js';
import type { KeptRoot } from '../../fs/volume/kept-roots.js';
import type { Volume } from '../../fs/volume/volume.js';
import { History } from '../model/history.js';
import { compareHolding, type Holding } from '../model/holding.js';
import { type Change, changed, type Kept, type KeptThen } from '../model/kept.js';
import { donor } from '../system/donor.js';
import { isFull, nodeOf, VarveRoots } from '../system/varve-roots.js';
import { count, type Tally } from './tally.js';

/** What the live line must be: what its history says, or, after a turn that was under way, what the other line held. */
export function liveHistory({ kept, underWay }: KeptThen, line: number, history: History): History {
  const turned = underWay.find(({ live }) => live !== undefined)?.live;
  if (line === kept.line || turned === undefined) return history;
  const other = new History();
  other.namesFlush = history.namesFlush;
  other.restart(turned.holding.facts, turned.holding.files);
  return other;
}

/**
 * Share of the roots that are read whole although their node is the one that was compared when it was made: fsck verifies
 * all nodes below it, and often all pages, by the checksums that the nodes above have of them.
 */
const lookedAt = 0.15;

export class RootsJudge {
  private readonly roots: VarveRoots;
  /** Something that was deleted had not left. */
  private readonly resumed: boolean;

  /** `volume` has just been opened. */
  constructor(
    private readonly volume: Volume,
    private readonly then: KeptThen,
    private readonly random: Random,
    private readonly tally: Tally,
  ) {
    this.roots = new VarveRoots(volume);
    this.resumed = volume.leaving.idle !== undefined;
  }

  /** What is wrong with what recovery left, and with what comes of it. `whole`: the volume may be changed as well. */
  async check(whole: boolean): Promise<string[]> {
    const { random } = this;
    const state = this.states().find((one) => this.isThere(one));
    if (state === undefined) return this.explain();
    const problems = await this.contents(state);
    if (problems.length > 0) return problems;
    if (this.resumed && chance(random, 0.5)) problems.push(...(await this.finishDeletions(state)));
    if (problems.length > 0 || !whole) return problems;
    if (this.roots.parts.length > 0 && chance(random, 0.3)) problems.push(...(await this.finishStream()));
    if (problems.length === 0 && chance(random, 0.01)) problems.push(...(await this.removeAll()));
    return problems;
  }

  /** The states that there may be: what is under way is done or not, each by itself. */
  private states(): Kept[] {
    const states = [this.then.kept];
    for (const change of this.then.underWay) states.push(...states.map((state) => this.done(state, change)));
    return states;
  }

  private done(state: Kept, change: Change): Kept {
    const after = changed(state, change);
    // A line that is live from then on has a number that nobody was told of.
    const { line } = this.roots;
    return change.live !== undefined && line !== state.line ? { ...after, line } : after;
  }

  private isThere({ snapshots, branches, line, lineName }: Kept): boolean {
    const { roots } = this;
    return (
      roots.line === line &&
      roots.lineName === lineName &&
      areNames(roots.snapshots, snapshots) &&
      areNames(roots.branches, branches)
    );
  }

  private explain(): string[] {
    const { roots } = this;
    const { kept, underWay } = this.then;
    return [
      `snapshots: expected ${[...kept.snapshots.keys()].sort()}; found ${namesOf(roots.snapshots)}`,
      `branches: expected ${[...kept.branches.keys()].sort()}; found ${namesOf(roots.branches)}`,
      `live: expected line ${kept.line} '${kept.lineName}'; found line ${roots.line} '${roots.lineName}'`,
      ...underWay.map(({ label }) => `under way: ${label}`),
    ];
  }

  private async contents({ snapshots, branches }: Kept): Promise<string[]> {
    for (const [list, names] of [
      [this.roots.snapshots, snapshots],
      [this.roots.branches, branches],
    ] as const) {
      for (const root of list) {
        const problems = await this.compare(root, names.get(root.name) as Holding);
        if (problems.length > 0) return problems;
      }
    }
    return [];
  }

  private async compare(root: KeptRoot, expected: Holding): Promise<string[]> {
    if (expected.root === nodeOf(root) && !chance(this.random, lookedAt)) return [];
    return compareHolding(`root ${root.name}`, expected, await this.roots.look(root, expected));
  }

  /** The rest of what was deleted goes; what is kept stays as it is. */
  private async finishDeletions(state: Kept): Promise<string[]> {
    await this.volume.leaving.idle;
    await this.volume.commit();
    count(this.tally, 'deletion resumed');
    if (this.volume.leaving.resumed > 0) count(this.tally, 'deletion resumed midway');
    return this.contents(state);
  }

  /** What came of a stream is gone on with, or given up. */
  private async finishStream(): Promise<string[]> {
    const { roots, random, tally } = this;
    const { streams, rest } = await donor();
    const part = roots.parts[below(random, roots.parts.length)];
    const sent = streams.find(({ name }) => name === part.name);
    const here = roots.snapshots.some(({ name }) => name === part.name);
    if (sent === undefined || here || chance(random, 0.3)) {
      await roots.giveUp(part.name);
      await this.volume.leaving.idle;
      await this.volume.commit();
      count(tally, 'reception given up');
      return roots.parts.some(({ name }) => name === part.name) ? [`part ${part.name} was given up and is there`] : [];
    }
    try {
      await roots.receive(await rest(part.token), false);
    } catch (e) {
      if (!isFull(e)) throw e;
      const kept = roots.parts.some(({ name }) => name === part.name);
      return kept ? [] : [`part ${part.name} is gone as there was no room for its rest`];
    }
    count(tally, 'reception resumed');
    return this.compare(roots.snapshot(part.name), sent.holding);
  }

  /** Nothing but the live line: each page in use is one of it. */
  private async removeAll(): Promise<string[]> {
    const { roots, volume } = this;
    for (const { name } of roots.parts) await roots.giveUp(name);
    for (const { name } of roots.branches) if (name !== '') await volume.lines.remove(name);
    for (const { name } of roots.snapshots) await volume.snapshots.remove(name);
    await volume.leaving.idle;
    await volume.commit();
    count(this.tally, 'all roots removed');
    const { table, main, system, mainPages, space } = volume.state;
    const used = mainPages + (main.nodes + system.nodes) * space.perNode;
    if (table.livePages === used || roots.branches.length > 0) return [];
    return [`${table.livePages} pages are in use when all roots are removed, ${used} of them by the live line`];
  }
}

const namesOf = (list: readonly KeptRoot[]): string =>
  list
    .map(({ name }) => name)
    .sort()
    .join();

const areNames = (list: readonly KeptRoot[], names: ReadonlyMap<string, unknown>): boolean =>
  list.length === names.size && list.every(({ name }) => names.has(name));
