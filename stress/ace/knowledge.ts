/**
 * What a crash may leave, by moment of the disk: the history of the model as it was then, and the states that the
 * filesystem went through up to then, with the first that may still be found.
 */
import type { Moment } from '../../fs/store/recording.js';
import { factsOf } from '../model/compare.js';
import type { Contents } from '../model/contents.js';
import type { History } from '../model/history.js';
import type { Model } from '../model/model.js';
import type { Facts } from '../model/state.js';

/** Everything that can be seen, after a step. */
export interface State {
  readonly facts: Facts;
  readonly files: ReadonlyMap<number, Contents>;
}

export interface Known {
  readonly since: Moment;
  /** The step under way, or the last that was done. */
  readonly step: string;
  readonly history: History;
  /** After the steps that an exact mode may show, oldest first. */
  readonly states: readonly State[];
  /** Those of them that a sync has made durable, or is about to: mode `none` shows no others. */
  readonly syncs: readonly State[];
}

export class Knowledge {
  private readonly list: Known[] = [];
  private states: State[] = [];
  private syncs: State[] = [];

  constructor(private readonly model: Model) {}

  private get state(): State {
    const files = new Map<number, Contents>();
    for (const { inode, contents, links } of this.model.nodes.values()) {
      if (contents && links > 0) files.set(inode, contents);
    }
    return { facts: factsOf(this.model), files };
  }

  private add(since: Moment, step: string): void {
    const { states, syncs } = this;
    this.list.push({ since, step, history: this.model.history.copy(), states: states.slice(), syncs: syncs.slice() });
  }

  /** From this moment on, a state after the step that the model has just done may be found. */
  note(since: Moment, step: string): void {
    this.states.push(this.state);
    if (this.syncs.length === 0) this.syncs = [this.state];
    this.add(since, step);
  }

  /** A sync begins. */
  syncing(since: Moment, step: string): void {
    this.syncs.push(this.state);
    this.add(since, step);
  }

  /** It has returned: nothing before the present state may be found any more (in modes that are exact). */
  synced(since: Moment, step: string): void {
    this.states = [this.state];
    this.syncs = [this.state];
    this.add(since, step);
  }

  at(moment: Moment): Known {
    let found = this.list[0];
    for (const known of this.list) if (known.since <= moment) found = known;
    return found;
  }
}
