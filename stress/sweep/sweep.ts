/**
 * A sweep: the same scenario again and again, with a fault at another call of the store each time: EIO at each read,
 * write and barrier, and the host's ENOSPC at each write.
 */
import { wornVolume } from './base.js';
import { type Beginning, FaultRun, type Position, type RunOptions } from './fault-run.js';

const faults = [
  ['read', 'EIO'],
  ['write', 'EIO'],
  ['barrier', 'EIO'],
  ['write', 'ENOSPC'],
] as const;

export class Sweep {
  private constructor(
    private readonly beginning: Beginning,
    private readonly options: RunOptions,
    /** All calls of the scenario, each with each fault that it can meet. */
    readonly positions: readonly Position[],
    /** What the scenario went through without a fault. */
    readonly counts: Readonly<Record<string, number>>,
  ) {}

  /** The scenario is run once without a fault, to know its calls. Time must be installed. Throws Violation. */
  static async of(options: RunOptions): Promise<Sweep> {
    const beginning = await wornVolume(options.time);
    const plain = new FaultRun(beginning, undefined, options);
    await plain.run();
    const positions = faults.flatMap(([kind, code]) =>
      Array.from({ length: plain.calls[kind] }, (_, i) => ({ kind, code, call: i + 1 })),
    );
    return new Sweep(beginning, options, positions, { ...plain.counters });
  }

  /** Throws Violation, also if the call was never made. */
  async run(position: Position): Promise<void> {
    const run = new FaultRun(this.beginning, position, this.options);
    await run.run();
    if (!run.reached) throw new Error(`${position.kind} ${position.call} was never called: runs differ`);
  }
}
