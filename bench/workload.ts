/** What a benchmark is: a function on a mounted volume that notes figures. */
import type { TrialVolume } from '../scripts/trial/volume.js';

export interface Measurement {
  readonly workload: string;
  readonly what: string;
  readonly value: number;
  readonly unit: 'MB/s' | 'us' | 'per s' | 's' | 'MiB' | 'requests' | 'times' | 'ms' | 'bytes';
}

export type Note = (what: string, value: number, unit: Measurement['unit']) => void;

/** The volume is mounted and empty when it begins, and mounted when it ends. */
export type Workload = (volume: TrialVolume, note: Note) => Promise<void>;

/** Seconds that the work took. */
export function timed(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}

/** Unmount and mount: neither the kernel nor the server remembers anything. */
export async function cold(volume: TrialVolume, options: readonly string[] = []): Promise<void> {
  await volume.unmount();
  await volume.mount(options);
}
