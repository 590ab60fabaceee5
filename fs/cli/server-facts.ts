/** What the server of a mount tells about itself and its volume. */
import { VolumeError } from '../errors.js';
import type { MountEntry } from '../fuse/mount-table.js';
import type { LatencySummary } from './activity.js';
import { ControlConnection } from './control-client.js';
import type { Advice } from './full-advice.js';

/** The answer to `info`, as far as it is used here; commands print the rest as it is. */
export interface ServerFacts {
  readonly pid: number;
  readonly readOnly: boolean;
  readonly journal: string;
  /** Why nothing more can be written, if it can't. */
  readonly failure: string | null;
  readonly seconds: number;
  readonly memoryBytes: number;
  /** What reads found scattered and was laid anew; null: the mount does not do that. */
  readonly autodefrag: { readonly chunks: number; readonly pages: number; readonly beyondBudget: number } | null;
  /** What was read ahead from one file of a directory to the next. */
  readonly readAhead: { readonly files: number; readonly bytes: number };
  /** What to delete, when the volume is nearly full because of snapshots. */
  readonly advice: Advice | null;
  readonly volume: Readonly<Record<string, number>>;
  /** By kind of request, since the mount. */
  readonly latencyMs: Readonly<Record<string, LatencySummary>>;
}

/** Undefined: the server is dead, or another user's. */
export async function askServer(mount: MountEntry): Promise<ServerFacts | undefined> {
  let server: ControlConnection | undefined;
  try {
    server = await ControlConnection.open(mount.device);
    return (await server?.ask('info')) as ServerFacts | undefined;
  } catch (e) {
    if (e instanceof VolumeError && e.problem === 'no-permission') return undefined;
    throw e;
  } finally {
    server?.close();
  }
}
