/** What the page of `varve map` asks: the server of a mount, or an image that this program opens to read. */
import { ControlConnection } from '../../fs/cli/control-client.js';
import { mapCommands } from '../../fs/cli/map-service.js';
import { snapshotCommands } from '../../fs/cli/snapshot-service.js';
import { type Ask, withOpenImage } from '../../fs/cli/snapshot-target.js';
import { mountOf } from '../../fs/cli/target.js';
import { FileSystem } from '../../fs/posix/filesystem.js';

export interface MapSource {
  /** Where it is mounted, or the image. */
  readonly name: string;
  readonly mounted: boolean;
  /** Throws VolumeError with what the volume says. */
  readonly ask: Ask;
  /** Resolves when nobody serves the volume any more. */
  readonly ended: Promise<void>;
}

/** Answers of these come at once; the others are looks that take their time, and must not hold these up. */
export const quick: ReadonlySet<string> = new Set(['map-image', 'map-live', 'branch-list', 'snapshot-list']);

/** For as long as `use` takes. Throws VolumeError. */
export async function withMapSource<T>(path: string, use: (source: MapSource) => Promise<T>): Promise<T> {
  const mount = mountOf(path);
  if (mount === undefined) {
    return withOpenImage(path, true, (volume) => {
      const commands = { ...snapshotCommands(volume), ...mapCommands(volume, new FileSystem(volume)) };
      const ask: Ask = async (command, given = {}) => commands[command](given);
      return use({ name: path, mounted: false, ask, ended: new Promise(() => undefined) });
    });
  }
  const live = await ControlConnection.of(mount);
  const patient = await ControlConnection.of(mount);
  try {
    const ask: Ask = (command, given) => (quick.has(command) ? live : patient).ask(command, given);
    return await use({ name: mount.target, mounted: true, ask, ended: live.ended });
  } finally {
    live.close();
    patient.close();
  }
}
