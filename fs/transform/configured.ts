/**
 * Modules that the machine's configuration names, a path a line, so that fstab and every command know them: root's word, as
 * they run with the rights of whoever calls. Whether an image needs one plays no part in it.
 */
import { type Stats, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { VolumeError } from '../errors.js';
import { loadTransform } from './external.js';
import { knowEverywhere } from './registry.js';

export const configuredPath = '/etc/varve/transforms';

/**
 * Load them, once in a program. Lines that begin with # are for people. Throws VolumeError 'usage' for a file or module that
 * others than root could have written, 'not-found' for a module that is not there.
 */
export async function loadConfigured(path = configuredPath): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  mustBeRoots(path, found);
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const module = line.trim();
    if (module === '' || module.startsWith('#')) continue;
    if (!isAbsolute(module)) throw new VolumeError('usage', `${path}: '${module}' is no path from the root`);
    const there = statSync(module, { throwIfNoEntry: false });
    if (there !== undefined) mustBeRoots(module, there);
    knowEverywhere(await loadTransform(module));
  }
}

function mustBeRoots(path: string, { uid, mode }: Stats): void {
  if (uid !== 0 || (mode & 0o022) !== 0)
    throw new VolumeError('usage', `${path} must belong to root, and nobody else may write it`);
}
