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
 * Load them, once in a program. Lines that begin with # are for people. Throws VolumeError 'usage' for a file or module that
 * others than root could have written, 'not-found' for a module that is not there.
 */
export async function loadConfigured(path = configuredPath): Promise<void> {
  const file = rootsOwn(path);
  if (file === undefined) return;
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const module = line.trim();
    if (module === '' || module.startsWith('#')) continue;
    if (!isAbsolute(module)) throw new VolumeError('usage', `${path}: '${module}' is no path from the root`);
    knowEverywhere(await loadTransform(rootsOwn(module) ?? module));
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
