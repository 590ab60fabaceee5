/** What the server's cleaner did since the mount, as the server itself counts it. */
import { ControlConnection } from '../../fs/cli/control-client.js';
import type { TrialVolume } from '../trial/volume.js';

export interface CleanerFigures {
  /** Pages moved. */
  readonly moved: number;
  /** Cleanings while nobody waited. */
  readonly background: number;
  /** Cleanings while a writer waited. */
  readonly foreground: number;
}

interface Info {
  readonly volume: {
    readonly moved: number;
    readonly backgroundCleanings: number;
    readonly foregroundCleanings: number;
  };
}

export async function cleanerFigures(volume: TrialVolume): Promise<CleanerFigures> {
  const connection = await ControlConnection.open(volume.device());
  if (connection === undefined) throw new Error(`the server of ${volume.directory} does not answer`);
  try {
    const { volume: counters } = (await connection.ask('info')) as Info;
    return {
      moved: counters.moved,
      background: counters.backgroundCleanings,
      foreground: counters.foregroundCleanings,
    };
  } finally {
    connection.close();
  }
}
