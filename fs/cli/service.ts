/** What lives from a mount to its end, and how it ends: in order, whatever goes wrong on the way. */
import type { Mounted } from '../fuse/driver.js';
import type { FileSystem } from '../posix/filesystem.js';
import type { Store } from '../store/store.js';
import type { Volume } from '../volume/volume.js';
import type { Control } from './control.js';
import type { ScrubService } from './scrub-service.js';
import type { ServerProcess } from './serve-process.js';
import type { TransferService } from './transfer-service.js';
import type { Views } from './view-service.js';

/** The volume of a mount, open. */
export interface Opened {
  readonly image: string;
  readonly store: Store;
  readonly volume: Volume;
  readonly filesystem: FileSystem;
  readonly server: ServerProcess;
}

export interface Service extends Opened {
  readonly mounted: Mounted;
  readonly control: Control;
  readonly scrubs: ScrubService;
  readonly views: Views;
  readonly transfers: TransferService;
}

/** Flush, commit, release the image. Returns what went wrong. */
export const close = (service: Service): Promise<Error | undefined> => {
  const { store, volume, filesystem, scrubs, transfers } = service;
  const services = [() => scrubs.stop(), () => transfers.stop()];
  return inTurn(service, [...services, () => filesystem.close(), () => volume.close(), () => store.close()]);
};

/** The live root is unmounted, while views are served on. */
export const settle = (service: Service): Promise<Error | undefined> =>
  inTurn(service, [() => service.filesystem.close(), () => service.volume.commit()]);

async function inTurn({ server }: Service, steps: readonly (() => Promise<void>)[]): Promise<Error | undefined> {
  let problem: Error | undefined;
  for (const step of steps) {
    try {
      await step();
    } catch (e) {
      problem ??= e as Error;
      server.log(`closing the volume failed: ${(e as Error).stack ?? String(e)}`);
    }
  }
  return problem;
}

export interface Closing {
  /** Settles when the image is released: with an error if the last commit failed. */
  readonly promise: Promise<void>;
  settle(problem: Error | undefined): void;
}

export function deferredClose(): Closing {
  let settle: (problem: Error | undefined) => void = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = (problem) => (problem === undefined ? resolve() : reject(problem));
  });
  promise.catch(() => undefined);
  return { promise, settle };
}
