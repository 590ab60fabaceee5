/**
 * When commits happen by themselves: `commitMs` after the first change, or sooner when changes have paused. An
 * idle volume has no timer. After a commit the cleaner gets its turn, a segment at a time; and when changes have paused,
 * what is done in pauses. What that changes asks for a commit, so the next step comes after a look; no commit waits for it.
 */
export interface Paced {
  commit(): Promise<void>;
  /** One step of cleaning; true if there is more to do. */
  clean(): Promise<boolean>;
  /** One step of what waits until nobody changes anything; true if there is more to do. */
  tidy(): Promise<boolean>;
  /** Nothing can be written any more. */
  failed(): boolean;
}

/** How often to look whether changes have paused, in ms. */
const lookMs = 500;
/** Cleaning dirties nodes and frees places, and both ask for a commit now and then. */
const stepsPerCommit = 8;

export class Pace {
  private timer: NodeJS.Timeout | undefined;
  private touches = 0;
  private seen = 0;
  /** Of what had changed by then, all is committed. */
  private committed = 0;
  private waitedMs = 0;
  private stopped = false;
  /** The last commit did. */
  private failing = false;
  private working: Promise<void> | undefined;
  private tidying: Promise<void> | undefined;

  constructor(
    private readonly work: Paced,
    /** 0: no commit comes by itself. */
    private readonly commitMs: number,
  ) {}

  /** Something has changed. */
  touched(): void {
    this.touches++;
    if (this.commitMs > 0 && this.timer === undefined && this.working === undefined && !this.stopped) this.arm();
  }

  private arm(): void {
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.look();
      },
      Math.min(lookMs, this.commitMs),
    );
    this.timer.unref();
  }

  private look(): void {
    this.waitedMs += Math.min(lookMs, this.commitMs);
    const paused = !this.failing && this.touches === this.seen;
    this.seen = this.touches;
    if (!paused && this.waitedMs < this.commitMs) {
      this.arm();
      return;
    }
    this.waitedMs = 0;
    // Begun in a turn of its own: a commit changes things, and must find that it is under way, or each would leave one
    // more timer behind.
    const begun = Promise.resolve().then(() => this.turn(paused));
    this.working = begun.finally(() => {
      this.working = undefined;
      if ((this.touches !== this.seen || !paused) && !this.stopped) this.arm();
    });
  }

  /** A failed volume says so to everyone who asks; a timer has nobody to tell, and stops. */
  private async turn(paused: boolean): Promise<void> {
    if (this.committed !== this.seen) await this.commitAndClean();
    if (this.work.failed()) this.stopped = true;
    // A step may take as long as a slow disk: whoever changes something meanwhile has commits as ever.
    if (paused && !this.stopped)
      this.tidying ??= this.tidy().finally(() => {
        this.tidying = undefined;
      });
  }

  private async commitAndClean(): Promise<void> {
    const { seen } = this;
    try {
      await this.work.commit();
      this.failing = false;
      this.committed = seen;
    } catch {
      // One file that could not be flushed, say: try again, but not each second, as each try writes a checkpoint.
      this.failing = true;
      this.touches++;
    }
    try {
      for (let steps = 1; !this.stopped && (await this.work.clean()); steps++) {
        if (steps % stepsPerCommit === 0) await this.work.commit();
      }
    } catch {
      // A victim that can't be read stays as it is.
    }
  }

  /** Steps until one has changed something, or somebody else has. */
  private async tidy(): Promise<void> {
    const { touches } = this;
    try {
      while (!this.stopped && this.touches === touches && (await this.work.tidy()));
    } catch {
      // What can't be read stays where it is.
    }
  }

  /** Nothing starts by itself any more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.working;
    await this.tidying;
  }
}
