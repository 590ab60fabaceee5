/**
 * What the model did since the last moment that is known to be durable: metadata operations in their order, with
 * the facts that each changed, and every version of every file's contents. After a power cut the promise of the
 * journalling mode is checked against it (promise/ordered.ts).
 */
import type { Contents } from './contents.js';
import { applyChanges, type Changes, type Facts } from './state.js';
import type { Tape } from './tape.js';

/** A change of contents that is itself an ordered metadata operation and can be done again on an older version. */
export type Redo = { readonly what: 'cut'; readonly size: number } | { readonly what: 'extend'; readonly size: number };

export interface Version {
  readonly sequence: number;
  readonly contents: Contents;
  /** Absent: the change was one of data, which may be lost alone. */
  readonly redo?: Redo;
}

/** The generation that was open when an operation began, and the one when it ended. */
export interface Generations {
  readonly first: number;
  readonly last: number;
}

/** A metadata operation. */
export interface Effect {
  readonly sequence: number;
  readonly generations: Generations;
  readonly changes: Changes;
  /** Files that a record with this operation flushes first (rename, link). */
  readonly flushes: readonly number[];
  readonly label: string;
  /** An operation by itself, though what was asked for goes on: a crash may leave it alone. */
  readonly apart: boolean;
}

/** A moment: what was done before it. */
export interface Moment {
  readonly sequence: number;
}

export class History {
  /** Facts at the last moment known to be durable. */
  readonly base: Facts = new Map();
  /** Metadata operations after it. */
  effects: Effect[] = [];
  /** Versions of files, oldest first: the oldest is the newest known to be durable. */
  readonly versions = new Map<number, Version[]>();
  /** Sequence of the last change that was acknowledged. */
  acknowledged = 0;
  /** Sequences with which operations ended that were acknowledged or stand apart, since the last durable moment. */
  ends: number[] = [];
  /** Of the operation that is being noted. */
  generations: Generations = { first: 0, last: 0 };
  /** A rename or link flushes the file: what it held is durable with the name. */
  namesFlush = true;
  /** Where all that is noted goes as well. */
  tape: Tape | undefined;
  private sequence = 0;
  private durableSequence = 0;

  /** Sequence of the newest change that is known to be durable. */
  get durableUpTo(): number {
    return this.durableSequence;
  }

  /** Sequence of the last metadata operation in the state after `count` of the effects. */
  lastOf(count: number): number {
    return count === 0 ? this.durableSequence : this.effects[count - 1].sequence;
  }

  /** Sequence before which all is done that the state after `count` effects may show of the data. */
  endOf(count: number): number {
    return count < this.effects.length ? this.effects[count].sequence : Number.POSITIVE_INFINITY;
  }

  now(): Moment {
    return { sequence: this.sequence };
  }

  /** A metadata operation was done. */
  effect(label: string, changes: Changes, flushes: readonly number[] = [], apart = false): void {
    this.addEffect({ sequence: this.sequence + 1, generations: this.generations, changes, flushes, label, apart });
  }

  /** With its own sequence number, which is not below those before. */
  addEffect(effect: Effect): void {
    this.sequence = Math.max(this.sequence, effect.sequence);
    this.effects.push(effect);
    if (effect.apart) this.ends.push(effect.sequence);
    this.tape?.note({ what: 'effect', effect });
  }

  /** A file has new contents. With `redo` it is a metadata operation: call `effect` first. */
  version(inode: number, contents: Contents, redo?: Redo): void {
    this.addVersion(inode, { sequence: redo ? this.sequence : this.sequence + 1, contents, ...(redo ? { redo } : {}) });
  }

  addVersion(inode: number, version: Version): void {
    this.sequence = Math.max(this.sequence, version.sequence);
    this.tape?.note({ what: 'version', inode, version });
    const list = this.versions.get(inode);
    if (list) list.push(version);
    else this.versions.set(inode, [version]);
  }

  /** All that was noted has been acknowledged to whoever asked for it. */
  acknowledge(sequence = this.sequence): void {
    if (sequence === this.acknowledged) return;
    this.acknowledged = sequence;
    this.ends.push(sequence);
    this.tape?.note({ what: 'acknowledged', sequence });
  }

  /** Metadata up to the moment is durable, and of these files (all, if absent) the contents too. */
  durable(moment: Moment, files?: readonly number[]): void {
    this.tape?.note({ what: 'durable', moment, files });
    let count = 0;
    while (count < this.effects.length && this.effects[count].sequence <= moment.sequence) count++;
    const done = this.effects.slice(0, count);
    this.durableSequence = Math.max(this.durableSequence, moment.sequence);
    for (const { changes } of done) applyChanges(this.base, changes);
    this.effects = this.effects.slice(count);
    this.ends = this.ends.filter((end) => end > this.durableSequence);
    // What a rename or link flushed is durable with it.
    for (const { flushes, sequence } of this.namesFlush ? done : []) {
      for (const inode of flushes) this.forgetBefore(inode, sequence);
    }
    for (const inode of files ?? this.versions.keys()) this.forgetBefore(inode, moment.sequence);
    for (const inode of this.versions.keys()) if (this.isGone(inode)) this.versions.delete(inode);
  }

  private forgetBefore(inode: number, sequence: number): void {
    const list = this.versions.get(inode);
    if (!list) return;
    let newest = 0;
    while (newest + 1 < list.length && list[newest + 1].sequence <= sequence) newest++;
    this.versions.set(inode, list.slice(newest));
  }

  /** Neither the base nor any later operation knows the inode. */
  private isGone(inode: number): boolean {
    const key = `i ${inode}`;
    return !this.base.has(key) && !this.effects.some(({ changes }) => changes.has(key));
  }

  /** As it is now; what is done later does not change the copy. */
  copy(): History {
    const copy = new History();
    for (const [key, value] of this.base) copy.base.set(key, value);
    copy.effects = this.effects.slice();
    for (const [inode, list] of this.versions) copy.versions.set(inode, list.slice());
    copy.sequence = this.sequence;
    copy.durableSequence = this.durableSequence;
    copy.acknowledged = this.acknowledged;
    copy.ends = this.ends.slice();
    copy.namesFlush = this.namesFlush;
    return copy;
  }

  /** Start anew from a state that is durable as a whole. */
  restart(facts: Facts, files: ReadonlyMap<number, Contents>): void {
    const { tape } = this;
    tape?.note({ what: 'restart', facts: new Map(facts), files });
    this.tape = undefined;
    this.base.clear();
    for (const [key, value] of facts) this.base.set(key, value);
    this.effects = [];
    this.versions.clear();
    this.durableSequence = this.sequence;
    for (const [inode, contents] of files) this.version(inode, contents);
    this.settle();
    this.tape = tape;
  }

  /** All that was noted is durable. */
  settle(): void {
    this.acknowledged = this.sequence;
    this.durableSequence = this.sequence;
    this.ends = [];
  }
}
