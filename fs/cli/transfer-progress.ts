/** How far a stream is: a bar on a terminal, lines for a log when they are asked for, otherwise nothing. */
import { type Output, type Progress, progressBar } from './output.js';
import { formatSize } from './size.js';
import type { Told } from './transfer-commands.js';

const steps = 1000;
/** Time between two lines. */
const lineMs = 5000;

export class TransferProgress {
  private readonly bar: Progress;
  private last = performance.now();

  constructor(
    private readonly output: Output,
    private readonly what: string,
    private readonly lines: boolean,
  ) {
    this.bar = progressBar(output, steps);
  }

  readonly told: Told = (bytes, share) => {
    this.bar.update(Math.floor(share * steps), `${this.what}: ${formatSize(bytes)}`);
    if (!this.lines || this.output.terminal || performance.now() - this.last < lineMs) return;
    this.last = performance.now();
    this.output.error(`${this.what}: ${formatSize(bytes)}, ${Math.floor(share * 100)} %`);
  };

  stop(): void {
    this.bar.stop();
  }
}
