/** One run of a workload from beginning to end: the ground, the run, the counts before and after, and the report. */
import { type Ground, groundIn, groundInMemory, type VolumeCounts } from './ground.js';
import { type Report, reportOf } from './report.js';
import { type RunOptions, runProfile } from './run.js';

export { reportText } from './report.js';

export interface SessionOptions extends Omit<RunOptions, 'files' | 'ready'> {
  /** Where a folder of its own is made; a volume of `bytes` in memory if absent. */
  readonly directory?: string;
  readonly bytes: number;
  /** What was made stays; with `fill` always. */
  readonly keep?: boolean;
}

/** Most threads that libuv makes. */
const mostThreads = 1024;

/** Throws VolumeError for a directory that can't be used; what fails in the run is in the report. */
export async function workload(options: SessionOptions): Promise<Report> {
  const { profile, seed, directory, bytes } = options;
  // Node makes four threads for files, at its first use of one, unless told otherwise: no more would work at a time.
  process.env.UV_THREADPOOL_SIZE ??= String(Math.min(mostThreads, options.workers ?? profile.concurrency));
  const ground: Ground =
    directory === undefined ? await groundInMemory(bytes) : await groundIn(directory, `stress-${profile.name}-${seed}`);
  try {
    let before: VolumeCounts | undefined;
    const ready = async (): Promise<void> => {
      before = await ground.counts();
    };
    const result = await runProfile({ ...options, files: ground.files, ready });
    const after = await ground.counts();
    return reportOf({ profile, seed, where: ground.name }, result, before, after);
  } finally {
    await ground.end(options.keep === true || options.fill !== undefined);
  }
}
