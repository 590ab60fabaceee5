/** What happens to the server of a mount from outside of any request: signals, and faults that nobody awaited. */
import { FsError } from '../errors.js';
import type { Mounted } from '../fuse/driver.js';
import { syncKernel } from '../fuse/unmount.js';
import type { Service } from './service.js';

/** How long users of a mount have to finish after SIGTERM. */
const graceMs = 10_000;

/** SIGTERM, SIGINT and SIGHUP unmount. */
export function stopOnSignals({ mounted, server, views }: Service): void {
  let signals = 0;
  const stop = async (one: Mounted): Promise<void> => {
    if (signals > 1) return one.abort();
    try {
      await one.unmount(false);
    } catch (e) {
      if (!(e instanceof FsError) || e.code !== 'EBUSY') throw e;
      server.log(`${one.target} is in use: it ends with its last user, at the latest in ${graceMs / 1000} s`);
      await syncKernel(one.target);
      await one.unmount(true);
      setTimeout(() => one.abort(), graceMs).unref();
    }
  };
  const stopAll = (): void => {
    signals++;
    for (const one of [mounted, ...views.list()])
      stop(one).catch((e: unknown) => {
        server.log(`unmounting ${one.target} failed, its users get errors: ${String(e)}`);
        one.abort();
      });
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stopAll);
}

/** A fault outside of any request: nothing may be written on the strength of what is in memory now. */
export function survive({ volume, server }: Service): void {
  const fault = (e: unknown): void => {
    server.log(
      `unexpected, nothing is written from here on: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`,
    );
    volume.abandon().catch((again: unknown) => server.log(String(again)));
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
}
