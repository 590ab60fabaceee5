/**
 * `varve install`: links to the programs where people and mount(8) look for them. mount(8) finds the helper of a type of
 * filesystem only in /sbin, fsck(8) there as well. Links, not copies: the programs find their modules from where they
 * really lie. What is there and is no link of ours is left alone.
 */
import { existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, symlinkSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VolumeError } from '../errors.js';
import type { AddCommand } from './command.js';
import type { Output } from './output.js';

/** Where links go, and what they are called if not as the program they lead to. */
const places: readonly (readonly [directory: string, program: string, name?: string])[] = [
  ['/usr/local/bin', 'varve'],
  ['/usr/local/sbin', 'mkfs.varve'],
  ['/usr/local/sbin', 'fsck.varve'],
  ['/usr/local/sbin', 'mount.varve'],
  ['/sbin', 'mkfs.varve'],
  ['/sbin', 'fsck.varve'],
  ['/sbin', 'mount.varve'],
  // As the kernel calls the type: for a remount of what no line of fstab names.
  ['/sbin', 'mount.varve', 'mount.fuse.varve'],
];

interface InstallOptions {
  readonly prefix: string;
  readonly uninstall?: boolean;
}

export const addInstall: AddCommand = (program, context) => {
  program
    .command('install')
    .description('link the programs into /usr/local and /sbin, where mount(8) and fstab find them')
    .option('--prefix <directory>', 'link below this directory instead of /', '/')
    .option('--uninstall', 'take the links away')
    .action((options: InstallOptions) => {
      for (const [link, target] of links(options.prefix)) {
        if (options.uninstall) remove(link, target, context.output);
        else make(link, target, context.output);
      }
    });
};

function links(prefix: string): [string, string][] {
  const bin = programs();
  return places.map(([directory, program, name = program]) => [join(prefix, directory, name), join(bin, program)]);
}

/** Throws VolumeError: something else is there, or it is not allowed. */
function make(link: string, target: string, output: Output): void {
  const there = linked(link);
  if (there === target) return;
  if (there !== undefined) throw new VolumeError('in-use', `${link} is there and is no link to ${target}`);
  allowed(link, () => {
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  });
  output.line(`${link} -> ${target}`);
}

function remove(link: string, target: string, output: Output): void {
  if (linked(link) !== target) return;
  allowed(link, () => unlinkSync(link));
  output.line(`${link} is gone`);
}

/** Where a link leads, '' for what is no link, undefined if there is nothing. */
function linked(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isSymbolicLink() ? readlinkSync(path) : '';
}

function allowed(link: string, change: () => void): void {
  try {
    change();
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new VolumeError('no-permission', `${link} can't be changed: ${code}`);
    }
    throw new VolumeError('io', message);
  }
}

/** From the compiled module, and from the program made of it. */
function programs(): string {
  for (const up of ['../../bin', '../../../bin']) {
    const bin = fileURLToPath(new URL(up, import.meta.url));
    if (existsSync(join(bin, 'mount.varve'))) return realpathSync(bin);
  }
  throw new VolumeError('not-found', 'the programs are not beside this one');
}
