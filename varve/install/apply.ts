/**
 * Puts the files of an installation in place, or takes them away. A file that another program put there is left alone
 * unless forced: ours are links into this package, and files that carry the mark.
 *
 * Each file appears whole, under its name, by a rename; an installation that is cut off is finished by running it again.
 */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VolumeError } from '../../fs/errors.js';
import type { Installed } from './plan.js';

/** Every generated file names its maker. */
const mark = /Varve/;

export type Done = 'made' | 'kept' | 'removed' | 'absent';

/** What is at a path: nothing, something of ours (and whether it is as wanted), or another's. */
function found(file: Installed): 'absent' | 'same' | 'ours' | 'foreign' {
  const there = lstatSync(file.path, { throwIfNoEntry: false });
  if (there === undefined) return 'absent';
  if (there.isSymbolicLink()) {
    const target = readlinkSync(file.path);
    if (!('link' in file) || basename(target) !== basename(file.link)) return 'foreign';
    return target === file.link ? 'same' : 'ours';
  }
  if (!there.isFile() || !('text' in file)) return 'foreign';
  const text = readFileSync(file.path, 'utf8');
  if (text === file.text) return 'same';
  return mark.test(text) ? 'ours' : 'foreign';
}

/** Files that another put where one of ours belongs. */
export const inTheWay = (files: readonly Installed[]): string[] =>
  files.filter((file) => found(file) === 'foreign').map(({ path }) => path);

/** Throws VolumeError 'usage' or what the host says. */
export function put(file: Installed, force: boolean): Done {
  const there = found(file);
  if (there === 'same') return 'kept';
  if (there === 'foreign' && !force) throw new VolumeError('usage', `${file.path} belongs to something else`);
  mkdirSync(dirname(file.path), { recursive: true });
  const temporary = join(dirname(file.path), `.${basename(file.path)}.${process.pid}`);
  rmSync(temporary, { force: true });
  if ('link' in file) symlinkSync(file.link, temporary);
  else writeFileSync(temporary, file.text, { mode: file.executable ? 0o755 : 0o644 });
  renameSync(temporary, file.path);
  return 'made';
}

/** What is another's stays. */
export function take(file: Installed): Done {
  const there = found(file);
  if (there === 'absent') return 'absent';
  if (there === 'foreign') return 'kept';
  rmSync(file.path);
  takeFolders(file.path);
  return 'removed';
}

/** A folder named for this package is its own, with what is in it: it goes with its last file. */
function takeFolders(path: string): void {
  const above = [dirname(path), dirname(dirname(path))];
  const own = above.findIndex((folder) => basename(folder) === 'varve');
  for (const folder of above.slice(0, own + 1)) {
    if (readdirSync(folder).length > 0) return;
    rmdirSync(folder);
  }
}
