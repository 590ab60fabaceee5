/** What the server's cleaner did since the mount, as `varve info --json` of a mounted volume tells it. */
import { program, type TrialVolume } from '../trial/volume.js';

export interface CleanerFigures {
  /** Pages moved. */
  readonly moved: number;
  /** Segments emptied. */
  readonly cleaned: number;
}

export async function serverStatistics(volume: TrialVolume): Promise<CleanerFigures> {
  const { stdout } = await program('varve', ['info', '--json', volume.directory]);
  const { cleaner } = JSON.parse(stdout) as { cleaner: CleanerFigures };
  return cleaner;
}
