/**
 * How far a long piece of work is, for all commands alike: a bar with rate and time left where a person watches standard
 * error, a line every ten seconds for a log, an object a second for a program (one a line, on standard error), or nothing.
 * SIGUSR1 has it say at once where it stands, as e2fsck(8) and dd(1) do.
 */
import progress from 'cli-progress';
import { Option } from 'commander';
import { forTerminal, type Output } from './output.js';
import { formatSize } from './size.js';

export const progressStyles = ['lines', 'json', 'none'] as const;
/** What to do instead of a bar on a terminal and nothing elsewhere. */
export type ProgressStyle = (typeof progressStyles)[number];

/** `--progress`, of all commands that have one. */
export const progressOption = (): Option =>
  new Option(
    '--progress <how>',
    'how far it is: a line every ten seconds, JSON every second (lines, json; on standard error), or none; without it a ' +
      'bar on a terminal. SIGUSR1 always says where it stands',
  ).choices(progressStyles);

/** What `--progress json` prints. */
export interface ProgressReport {
  readonly what: string;
  readonly stage: string;
  /** Of the whole, 0 to 1. */
  readonly share: number;
  readonly bytes: number;
  readonly seconds: number;
  /** By the rate so far; null: not known yet. */
  readonly secondsLeft: number | null;
}

const everyMs: Readonly<Record<ProgressStyle | 'bar', number>> = { lines: 10_000, json: 1000, none: Infinity, bar: 0 };
const steps = 1000;

export class Progress {
  private readonly how: ProgressStyle | 'bar';
  private readonly began: number;
  private reportedAt: number;
  private bar: InstanceType<typeof progress.SingleBar> | undefined;
  private stopped = false;
  private last = { share: 0, bytes: 0, stage: 'beginning' };
  private readonly asked = (): void => this.output.error(this.line());

  /** `what`: the command. `quiet`: nobody is to see a bar, as the result is for a program. */
  constructor(
    private readonly output: Output,
    private readonly what: string,
    style: ProgressStyle | undefined,
    quiet = false,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.how = style ?? (output.terminal && !quiet ? 'bar' : 'none');
    this.began = now();
    this.reportedAt = this.began;
    process.on('SIGUSR1', this.asked);
  }

  /** `share` of the work is done (0 to 1), and `bytes` were gone through. */
  update(share: number, bytes: number, stage: string): void {
    this.last = { share: Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 1, bytes, stage };
    if (this.how === 'bar') this.draw();
    else if (this.now() - this.reportedAt >= everyMs[this.how]) this.report();
  }

  /** The work is over; once more does nothing. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    // A program shall see the end of what it watches, also of work that was quick.
    if (this.how === 'json') this.report();
    this.bar?.stop();
    process.off('SIGUSR1', this.asked);
  }

  get facts(): ProgressReport {
    const { share, bytes, stage } = this.last;
    const seconds = (this.now() - this.began) / 1000;
    return {
      what: this.what,
      stage,
      share,
      bytes,
      seconds,
      secondsLeft: share > 0 ? (seconds * (1 - share)) / share : null,
    };
  }

  private report(): void {
    this.reportedAt = this.now();
    this.output.error(this.how === 'json' ? JSON.stringify(this.facts) : this.line());
  }

  private line(): string {
    const { what, stage, share, seconds } = this.facts;
    const rate = this.last.bytes === 0 ? '' : `, ${this.rate()}`;
    return `${what}: ${stage}, ${Math.floor(100 * share)} %${rate}, ${Math.round(seconds)} s so far${this.left()}`;
  }

  private rate(): string {
    const { bytes, seconds } = this.facts;
    return `${formatSize(bytes)} at ${formatSize(Math.round(bytes / Math.max(seconds, 0.001)))}/s`;
  }

  private left(): string {
    const { secondsLeft } = this.facts;
    return secondsLeft === null ? '' : `, about ${Math.ceil(secondsLeft)} s left`;
  }

  private draw(): void {
    if (this.bar === undefined) {
      this.bar = new progress.SingleBar({
        format: '{what}: {stage} [{bar}] {percentage}%{rate}{left}',
        stream: process.stderr,
        hideCursor: true,
        clearOnComplete: true,
        barCompleteChar: '=',
        barIncompleteChar: ' ',
        fps: 5,
        barsize: 30,
      });
      this.bar.start(steps, 0, { what: this.what, stage: '', rate: '', left: '' });
    }
    const { stage, share } = this.last;
    const rate = this.last.bytes === 0 ? '' : ` ${this.rate()}`;
    this.bar.update(Math.floor(steps * share), { stage: forTerminal(stage), rate, left: this.left() });
  }
}
