/**
 * Enforcement of limits. Serves create, chown, write and fallocate, which ask here before they change anything, and the
 * driver, which asks who is near a limit: with write-back caching write(2) can't report EDQUOT, so those open around the
 * cache.
 *
 * What counts is the usage of the tree and the dirty pages of the same owner. These may replace others, or be compressed:
 * before anything is refused, the owner's files are flushed, and what the write replaces is looked up. So a flush never
 * meets a limit, and a file that fills its owner's quota can be overwritten. What was removed has its moment to go: the kernel
 * lets go of a file after unlink(2) has returned, and large ones are given back in the background.
 *
 * Invariants
 * 1. `dirty` of an account is the number of dirty pages of the files of its id.
 * 2. A limit that the superuser passes is passed; the grace time begins all the same.
 */
import { FsError } from '../../errors.js';
import type { InodeRecord, Limits } from '../../format/item.js';
import { run, Suspend } from '../../suspend.js';
import { type Holder, holders } from '../../volume/usage.js';
import type { Credentials } from '../api.js';
import type { Context } from '../inode/context.js';
import type { Inode } from '../inode/inode.js';
import { QuotaTable } from './quota-table.js';
import { type Allowance, judge, room } from './verdict.js';

/** What enforcement knows of an id. */
interface Account {
  readonly holder: Holder;
  readonly id: number;
  /** Dirty pages of its files. */
  dirty: number;
  /** Undefined: they are to be read. */
  limits: Limits | undefined;
  /** Counts pages that became dirty, and what that was when its files were last flushed because of a limit. */
  dirtied: number;
  flushedAt: number;
  /** `namesLost` when it was last waited for files without names to go. */
  awaitedAt: number;
  /** What was last said about it. */
  said: string;
}

type Owners = Pick<InodeRecord, 'uid' | 'gid' | 'project'>;

/** So many accounts are remembered. */
const mostAccounts = 4096;
/** Less room than this, or than a quarter of the limit if that is less: near it. But the last 16 MiB in any case. */
const nearPages = 65536;
const alwaysNearPages = 4096;
/** Turns in which requests are read until the kernel has surely told that it lets go of a file: others may come first. */
const turnsToLetGo = 8;
/** A limit larger than any volume is none. */
const largestLimit = 2 ** 52;

export class Quotas {
  private readonly accounts: Readonly<Record<Holder, Map<number, Account>>> = {
    user: new Map(),
    group: new Map(),
    project: new Map(),
  };
  private readonly table: QuotaTable;

  constructor(
    private readonly context: Context,
    private readonly enforced: ReadonlySet<Holder>,
    private readonly warn: (line: string) => void,
  ) {
    this.table = new QuotaTable(context.volume);
  }

  /** Limits have changed behind the back of this. */
  reload(): void {
    for (const holder of holders) for (const account of this.accounts[holder].values()) account.limits = undefined;
  }

  /** Dirty pages came (or, negative, went). */
  dirtied(inode: Inode, pages: number): void {
    for (const holder of holders) {
      const id = idOf(holder, inode.record);
      if (!this.counts(holder, id)) continue;
      const account = this.account(holder, id);
      account.dirty += pages;
      if (pages > 0) account.dirtied += pages;
    }
  }

  /** An inode is about to get this record: a new one, or one with other owners. EDQUOT. May throw Suspend. */
  admit(inode: Inode, record: InodeRecord, who: Credentials): void {
    const fresh = this.context.inodes.peek(inode.number) !== inode;
    const pages = record.pages + (inode.pages?.dirtyCount ?? 0);
    for (const holder of holders) {
      const id = idOf(holder, record);
      if (!this.counts(holder, id) || (!fresh && idOf(holder, inode.record) === id)) continue;
      const account = this.account(holder, id);
      this.admitInode(account, who, inode);
      if (pages > 0) this.admitTo(account, pages, who, inode, none);
    }
  }

  /** An inode has other owners from now on. */
  moved(inode: Inode, before: Owners, after: Owners): void {
    const dirty = inode.pages?.dirtyCount ?? 0;
    if (dirty === 0) return;
    for (const holder of holders) {
      const [from, to] = [idOf(holder, before), idOf(holder, after)];
      if (from === to) continue;
      if (this.counts(holder, from)) this.account(holder, from).dirty -= dirty;
      if (this.counts(holder, to)) this.account(holder, to).dirty += dirty;
    }
  }

  /**
   * The file is about to get so many pages, of which `replaces` (asked for only near a limit) stand for others. EDQUOT.
   * May throw Suspend.
   */
  admitPages(inode: Inode, pages: number, who: Credentials, replaces: () => number = none): void {
    for (const holder of holders) {
      const id = idOf(holder, inode.record);
      if (this.counts(holder, id)) this.admitTo(this.account(holder, id), pages, who, inode, replaces);
    }
  }

  /** How many pages the file may still get. May throw Suspend. */
  room(inode: Inode): number {
    let most = Number.POSITIVE_INFINITY;
    for (const holder of holders) {
      const id = idOf(holder, inode.record);
      if (this.counts(holder, id)) most = Math.min(most, this.roomOf(this.account(holder, id)));
    }
    return most;
  }

  /** Whether writes to the file may soon be refused: so near a limit of its owners is it. May throw Suspend. */
  isNear(inode: Inode): boolean {
    for (const holder of holders) {
      const id = idOf(holder, inode.record);
      if (!this.counts(holder, id)) continue;
      const account = this.account(holder, id);
      const { softPages, hardPages } = this.limitsOf(account);
      const limit = hardPages === 0 ? softPages : hardPages;
      const margin = Math.max(alwaysNearPages, Math.min(nearPages, limit / 4));
      if (limit > 0 && this.roomOf(account) < margin) return true;
    }
    return false;
  }

  /** What statfs(2) shows in a directory of the project, as ext4 has it; undefined: the volume's. May throw Suspend. */
  ofProject(project: number): ProjectSpace | undefined {
    if (!this.counts('project', project)) return undefined;
    const account = this.account('project', project);
    const { softPages, hardPages, softInodes, hardInodes } = this.limitsOf(account);
    const { pages, inodes } = this.context.volume.usageOf('project', project);
    return {
      pages: least(softPages, hardPages),
      usedPages: pages + account.dirty,
      inodes: least(softInodes, hardInodes),
      usedInodes: inodes,
    };
  }

  private counts(holder: Holder, id: number): boolean {
    return this.enforced.has(holder) && (holder !== 'project' || id !== 0);
  }

  private account(holder: Holder, id: number): Account {
    const accounts = this.accounts[holder];
    const known = accounts.get(id);
    if (known !== undefined) return known;
    if (accounts.size >= mostAccounts) {
      for (const account of accounts.values()) if (account.dirty === 0) accounts.delete(account.id);
    }
    const made: Account = {
      holder,
      id,
      dirty: 0,
      limits: undefined,
      dirtied: 0,
      flushedAt: -1,
      awaitedAt: 0,
      said: '',
    };
    accounts.set(id, made);
    return made;
  }

  private limitsOf(account: Account): Limits {
    account.limits ??= this.table.entry(account.holder, account.id).limits;
    return account.limits;
  }

  private pagesOf(account: Account): number {
    return this.context.volume.usageOf(account.holder, account.id).pages + account.dirty;
  }

  private roomOf(account: Account): number {
    const limits = this.limitsOf(account);
    return room(this.pagesOf(account), ofPages(limits), this.context.volume.now().seconds);
  }

  private admitInode(account: Account, who: Credentials, inode: Inode): void {
    const limits = this.limitsOf(account);
    if (limits.softInodes === 0 && limits.hardInodes === 0) return;
    const { inodes } = this.context.volume.usageOf(account.holder, account.id);
    const verdict = judge(inodes, 1, ofInodes(limits), this.context.volume.now().seconds);
    if (verdict.until !== limits.inodesUntil) this.keep(account, { inodesUntil: verdict.until }, 'inodes');
    if (verdict.refused === undefined || isExempt(who)) return;
    if (this.mayShrink(account)) throw new Suspend(this.shrink(account), 'a quota');
    throw this.refusal(account, verdict.refused, 'inodes', inode);
  }

  private admitTo(account: Account, pages: number, who: Credentials, inode: Inode, replaces: () => number): void {
    const limits = this.limitsOf(account);
    if (limits.softPages === 0 && limits.hardPages === 0) return;
    const { seconds } = this.context.volume.now();
    let verdict = judge(this.pagesOf(account), pages, ofPages(limits), seconds);
    if (verdict.refused !== undefined && !isExempt(who)) {
      if (account.dirty > 0 && account.flushedAt !== account.dirtied) throw new Suspend(this.flush(account), 'a quota');
      if (this.mayShrink(account)) throw new Suspend(this.shrink(account), 'a quota');
      const more = pages - replaces();
      // In place, also beyond a limit: that asks for nothing.
      if (more <= 0) return;
      verdict = judge(this.pagesOf(account), more, ofPages(limits), seconds);
      if (verdict.refused !== undefined) throw this.refusal(account, verdict.refused, 'space', inode);
    }
    if (verdict.until !== limits.pagesUntil) this.keep(account, { pagesUntil: verdict.until }, 'space');
  }

  /** All files of the id go to the tree, so that its usage is what they really take. */
  private async flush(account: Account): Promise<void> {
    const { writeback } = this.context;
    const { dirtied } = account;
    for (const inode of [...writeback.dirty]) {
      if (idOf(account.holder, inode.record) !== account.id || !writeback.dirty.has(inode)) continue;
      // What can't be flushed stays counted; whoever waits gets the answer that follows from that.
      await writeback.flush(inode).catch(() => undefined);
    }
    account.flushedAt = dirtied;
  }

  /** Whether files are about to go that may be this account's. */
  private mayShrink({ awaitedAt }: Account): boolean {
    const { inodes, reclaimer } = this.context;
    return reclaimer.busy || (inodes.nameless.size > 0 && awaitedAt !== inodes.namesLost);
  }

  /** Let them go. Those that are open stay. */
  private async shrink(account: Account): Promise<void> {
    const { inodes, reclaimer, breathe } = this.context;
    const { namesLost } = inodes;
    for (let turn = 0; turn < turnsToLetGo && inodes.nameless.size > 0; turn++) await breathe();
    await reclaimer.idle();
    account.awaitedAt = namesLost;
  }

  private refusal(account: Account, why: 'hard' | 'late', what: string, inode: Inode): FsError {
    const text =
      why === 'hard'
        ? `the hard limit of ${what} is reached`
        : `the grace time beyond the soft limit of ${what} is over`;
    this.say(account, text);
    return new FsError('EDQUOT', 'quota', inode.number, `${account.holder} ${account.id}: ${text}`);
  }

  /** The end of a grace time is recorded by a batch of its own: nobody waits for it. */
  private keep(account: Account, ends: Partial<Limits>, what: string): void {
    account.limits = { ...this.limitsOf(account), ...ends };
    const [end = 0] = Object.values(ends);
    if (end > 0) this.say(account, `the soft limit of ${what} is passed, until ${new Date(end * 1000).toISOString()}`);
    const { holder, id } = account;
    // Not before the operation under way is done: it may still look at what it has read.
    Promise.resolve()
      .then(() => run(() => this.table.put(holder, id, { ...this.table.own(holder, id), ...ends })))
      .catch((e: unknown) => this.warn(`quota of ${holder} ${id}: the grace time could not be recorded: ${String(e)}`));
  }

  /** Once, until there is something else to say. */
  private say(account: Account, text: string): void {
    if (account.said === text) return;
    account.said = text;
    this.warn(`quota of ${account.holder} ${account.id}: ${text}`);
  }
}

export interface ProjectSpace {
  /** 0: no limit. */
  readonly pages: number;
  readonly usedPages: number;
  readonly inodes: number;
  readonly usedInodes: number;
}

const none = (): number => 0;

/** CAP_SYS_RESOURCE passes limits; of the caller's capabilities only this much is known. */
const isExempt = (who: Credentials): boolean => who.uid === 0;

const idOf = (holder: Holder, { uid, gid, project }: Owners): number =>
  holder === 'user' ? uid : holder === 'group' ? gid : project;

const limit = (value: number): number => (value >= largestLimit ? 0 : value);

const ofPages = ({ softPages, hardPages, pagesUntil, pageGrace }: Limits): Allowance => ({
  soft: limit(softPages),
  hard: limit(hardPages),
  until: pagesUntil,
  grace: pageGrace,
});

const ofInodes = ({ softInodes, hardInodes, inodesUntil, inodeGrace }: Limits): Allowance => ({
  soft: limit(softInodes),
  hard: limit(hardInodes),
  until: inodesUntil,
  grace: inodeGrace,
});

/** The smaller one of two limits, of which 0 is none. */
const least = (soft: number, hard: number): number => {
  const [a, b] = [limit(soft), limit(hard)];
  return a === 0 || b === 0 ? a + b : Math.min(a, b);
};
