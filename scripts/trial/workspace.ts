/**
 * A folder of its own for a script, with the volumes in it: everything is unmounted and removed at the end,
 * whether the script ends well, throws, or is told to stop by a signal.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChildren } from './command.js';
import { TrialVolume } from './volume.js';

export interface Workspace {
  readonly path: string;
  /** An image `NAME.img` and a mount point `NAME`; nothing is formatted yet. */
  volume(name: string): TrialVolume;
}

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Do the work in a new folder under `base`, then remove all traces. Resolves with what the work resolves with. */
export async function withWorkspace<T>(
  work: (workspace: Workspace) => Promise<T>,
  base = process.env.TMPDIR ?? tmpdir(),
): Promise<T> {
  const path = mkdtempSync(join(base, 'varve-trial-'));
  const volumes: TrialVolume[] = [];
  const dispose = async (): Promise<void> => {
    endChildren();
    for (const volume of volumes) await volume.dispose();
    rmSync(path, { recursive: true, force: true });
  };
  const stop = (signal: keyof typeof signals): void => {
    process.stderr.write(`\n${signal}: cleaning up\n`);
    dispose().then(
      () => process.exit(signals[signal]),
      (e: unknown) => {
        process.stderr.write(`${String(e)}\n`);
        process.exit(1);
      },
    );
  };
  const crashed = (e: unknown): void => {
    process.stderr.write(`${e instanceof Error ? e.stack : String(e)}\n`);
    dispose().finally(() => process.exit(1));
  };
  for (const signal of Object.keys(signals) as (keyof typeof signals)[]) process.once(signal, stop);
  process.once('uncaughtException', crashed);
  try {
    return await work({
      path,
      volume(name) {
        const made = new TrialVolume(join(path, `${name}.img`), join(path, name));
        mkdirSync(made.directory);
        volumes.push(made);
        return made;
      },
    });
  } finally {
    await dispose();
    for (const signal of Object.keys(signals) as (keyof typeof signals)[]) process.removeListener(signal, stop);
    process.removeListener('uncaughtException', crashed);
  }
}
