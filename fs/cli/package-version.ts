/** The version of this package: what all its programs say to --version. */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  // From here, from the compiled module, and from the program made of it.
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'ENOENT') throw e;
    }
  }
  return 'unknown';
}
