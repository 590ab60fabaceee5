/**
 * Modules that the machine's configuration names, a path a line, so that fstab and every command know them: root's word, as
 * they run with the rights of whoever calls. Whether an image needs one plays no part in it.
 *
 * Root's word is what lies behind a path of which nobody else can change any part, as sshd wants it of authorized_keys: a file
 * is what its directories say, and a module takes others from beside it.
 */
import { realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { VolumeError } from '../errors.js';
import { loadTransform } from './external.js';
import { knowEverywhere } from './registry.js';

export const configuredPath = '/etc/varve/transforms';

/**
 * Load them, once in a program. Lines that begin with # are for people. A file or module that is not there, that others
 * than root could have written, or that is no transform, is left out, and `warn` told why: most commands need none of
 * them, and what does need one says so.
 */
export async function loadConfigured(warn: (line: string) => void, path = configuredPath): Promise<void> {
  await orWarn(warn, path, async () => {
    const file = rootsOwn(path);
    if (file === undefined) return;
    for (const line of (await readFile(file, 'utf8')).split('\n')) {
      const module = line.trim();
      if (module === '' || module.startsWith('#')) continue;
      await orWarn(warn, path, async () => {
        if (!isAbsolute(module)) throw new VolumeError('usage', `'${module}' is no path from the root`);
        knowEverywhere(await loadTransform(rootsOwn(module) ?? module));
      });
    }
  });
}

async function orWarn(warn: (line: string) => void, path: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (e) {
    if (!(e instanceof VolumeError) && typeof (e as NodeJS.ErrnoException).code !== 'string') throw e;
    warn(`${path}: ${(e as Error).message}; it is left out`);
  }
}

/** The file that a path leads to; undefined: there is none. Throws VolumeError 'usage' if others than root have a say in it. */
function rootsOwn(path: string): string | undefined {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const file = realpathSync(path);
  for (let at = file; ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    if (uid !== 0 || (mode & 0o022) !== 0)
      throw new VolumeError('usage', `${at} must belong to root, and nobody else may write it`);
    if (at === dirname(at)) return file;
  }
}
