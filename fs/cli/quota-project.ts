/**
 * `varve quota project`: gives a directory of a mounted volume, and all below it, to a project; what is made there later
 * belongs to it too (ioctl_fsxattr: the project id and the flag to inherit it). The same as `chattr -p ID +P -R`, or
 * xfs_quota's `project -s`.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { FsError, VolumeError } from '../errors.js';
import { setProject } from '../host/project.js';
import { withExamples } from './command.js';
import { HolderNames } from './holder-names.js';
import { mountAround } from './target.js';

export function addProject(quota: Command): void {
  withExamples(quota.command('project'), [
    ['varve quota project 42 /mnt/v/build', 'the directory and all below it, now and later'],
    ['varve quota project 0 /mnt/v/build', 'of no project again'],
  ])
    .description('give a directory and what is below it, now and later, to a project')
    .argument('<project>', 'name as in /etc/projid, or number; 0: none')
    .argument('<directory...>', 'directories of a mounted volume')
    .action((project: string, directories: string[]) => {
      const id = new HolderNames('project').idOf(project);
      for (const directory of directories) {
        if (mountAround(directory) === undefined)
          throw new VolumeError('usage', `${directory} is not on a Varve volume`);
        giveTree(directory, id, lstatSync(directory).dev);
      }
    });
}

/** Directories first: what is made meanwhile inherits the project. Other mounts are left out. */
function giveTree(path: string, project: number, device: number): void {
  give(path, project, true);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) {
      if (lstatSync(below).dev === device) giveTree(below, project, device);
    } else if (entry.isFile()) give(below, project, false);
  }
}

function give(path: string, project: number, directory: boolean): void {
  try {
    setProject(path, project, directory && project !== 0);
  } catch (e) {
    if (!(e instanceof FsError)) throw e;
    // It was removed meanwhile.
    if (e.code === 'ENOENT') return;
    const noPermission = e.code === 'EPERM' || e.code === 'EACCES' || e.code === 'EROFS';
    throw new VolumeError(noPermission ? 'no-permission' : 'io', `${path}: ${e.code}`);
  }
}
