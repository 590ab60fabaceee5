/**
 * What Linux answers at limits, written down from fs/quota/dquot.c (dquot_add_space, dquot_add_inodes, dquot_decr_space,
 * do_set_dqblk) and ext4's write path, page by page; independent of fs/posix/quota. One holder with files, in pages of 4 KiB.
 */
export interface Limits {
  readonly soft: number;
  readonly hard: number;
}

const grace = 7 * 24 * 3600;

/** One kind of thing that is counted: blocks or inodes. */
class Count {
  used = 0;
  /** End of the grace time; 0: none runs. */
  end = 0;
  limits: Limits = { soft: 0, hard: 0 };

  add(capable: boolean, now: number): boolean {
    const { soft, hard } = this.limits;
    const next = this.used + 1;
    if (hard > 0 && next > hard && !capable) return false;
    if (soft > 0 && next > soft && this.end !== 0 && now >= this.end && !capable) return false;
    if (soft > 0 && next > soft && this.end === 0) this.end = now + grace;
    this.used = next;
    return true;
  }

  sub(count: number): void {
    this.used -= count;
    if (this.used <= this.limits.soft) this.end = 0;
  }

  set(limits: Limits, now: number): void {
    this.limits = limits;
    this.end = limits.soft === 0 || this.used <= limits.soft ? 0 : now + grace;
  }
}

export class Rules {
  readonly space = new Count();
  readonly inodes = new Count();
  now = 1_000_000;
  /** Pages of each file. */
  private readonly files = new Map<string, Set<number>>();

  /** What the holder has before the first step. */
  constructor(inodes: number, pages: number) {
    this.inodes.used = inodes;
    this.space.used = pages;
  }

  setLimits(space: Limits, inodes: Limits): string {
    this.space.set(space, this.now);
    this.inodes.set(inodes, this.now);
    return 'set';
  }

  /** All grace times that run are over. */
  expire(): string {
    for (const count of [this.space, this.inodes]) if (count.end !== 0) count.end = this.now;
    return 'expired';
  }

  create(name: string, capable: boolean): string {
    if (this.files.has(name)) return 'EEXIST';
    if (!this.inodes.add(capable, this.now)) return 'EDQUOT';
    this.files.set(name, new Set());
    return 'made';
  }

  write(name: string, first: number, count: number, capable: boolean): string {
    const pages = this.files.get(name);
    if (pages === undefined) return 'ENOENT';
    for (let i = 0; i < count; i++) {
      if (pages.has(first + i)) continue;
      if (!this.space.add(capable, this.now)) return `${i} pages, EDQUOT`;
      pages.add(first + i);
    }
    return `${count} pages`;
  }

  truncate(name: string, size: number): string {
    const pages = this.files.get(name);
    if (pages === undefined) return 'ENOENT';
    const gone = [...pages].filter((page) => page >= size);
    for (const page of gone) pages.delete(page);
    this.space.sub(gone.length);
    return 'cut';
  }

  remove(name: string): string {
    const pages = this.files.get(name);
    if (pages === undefined) return 'ENOENT';
    this.files.delete(name);
    this.space.sub(pages.size);
    this.inodes.sub(1);
    return 'removed';
  }

  /** The file goes to somebody else without limits, or comes from there. */
  give(name: string): string {
    const pages = this.files.get(name);
    if (pages === undefined) return 'ENOENT';
    this.remove(name);
    return 'given';
  }

  report(): string {
    const over = ({ used, limits: { soft, hard } }: Count): string =>
      (soft > 0 && used > soft) || (hard > 0 && used > hard) ? '+' : '-';
    return `${this.space.used} pages, ${this.inodes.used} inodes, ${over(this.space)}${over(this.inodes)}`;
  }
}
