/** The folder of this package, from the compiled modules and from the programs made of them alike. */
import { readdirSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VolumeError } from '../fs/errors.js';

/** The nearest above this module that has launchers. Throws VolumeError. */
export function packageRoot(): string {
  for (let at = dirname(realpathSync(fileURLToPath(import.meta.url))); at !== '/'; at = dirname(at)) {
    if (readdirSync(at).includes('bin') && readdirSync(at).includes('package.json')) return at;
  }
  throw new VolumeError('not-found', 'the folder of this package is not to be found');
}
