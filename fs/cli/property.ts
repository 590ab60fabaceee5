/** `varve property`: what files and directories of a mounted volume have of their own, and new ones there inherit. */

import { Argument } from 'commander';
import { FsError, VolumeError } from '../errors.js';
import { getXattr, removeXattr, setXattr } from '../host/xattr.js';
import { type AddCommand, withExamples } from './command.js';
import { jsonOption } from './json-schema.js';
import { json } from './output.js';
import { propertiesSchema } from './schemas/upkeep.js';

const names = ['compression'] as const;
/** What stands for `none of its own`. */
const usual = 'default';

export const addProperty: AddCommand = (program, { output }) => {
  const show = (paths: readonly string[], wanted: readonly string[], options: { json?: boolean }): void => {
    const all = paths.map((path) => ({
      path,
      properties: Object.fromEntries(wanted.map((name) => [name, read(path, name)])),
    }));
    if (options.json) output.line(json(all));
    else
      for (const { path, properties } of all)
        for (const [name, value] of Object.entries(properties)) output.line(`${path}: ${name}=${value}`);
  };
  const property = program.command('property').description('show and set properties of files and directories');
  withExamples(property.command('get'), [['varve property get compression /mnt/v/logs', 'how new data is stored']])
    .description('show one property')
    .addArgument(new Argument('<name>', names.join(', ')).choices(names))
    .argument('<path...>', 'files or directories')
    .addOption(jsonOption(propertiesSchema))
    .action((name: string, paths: string[], options: { json?: boolean }) => show(paths, [name], options));
  withExamples(property.command('list'), [['varve property list /mnt/v/*', 'of many at once']])
    .description('show all properties')
    .argument('<path...>', 'files or directories')
    .addOption(jsonOption(propertiesSchema))
    .action((paths: string[], options: { json?: boolean }) => show(paths, names, options));
  withExamples(property.command('set'), [
    ['varve property set compression lz4 /mnt/v/logs', 'new files there are compressed'],
    ['varve property set compression default /mnt/v/logs', 'as the volume does again'],
  ])
    .description('set a property: what is written from then on follows it, and new files of a directory inherit it')
    .addArgument(new Argument('<name>', names.join(', ')).choices(names))
    .argument('<value>', `compression: lz4, deflate, zstd, with a level as in deflate:9; none; ${usual}`)
    .argument('<path...>', 'files or directories')
    .action((name: string, value: string, paths: string[]) => {
      for (const path of paths) setProperty(path, name, value);
    });
};

const attribute = (name: string): string => `varve.${name}`;

function read(path: string, name: string): string {
  return explained(path, name, () => {
    const value = getXattr(path, attribute(name));
    return value === undefined ? usual : new TextDecoder().decode(value);
  });
}

/** Throws VolumeError in words for people. */
export function setProperty(path: string, name: string, value: string): void {
  explained(path, `${name}=${value}`, () => {
    if (value === usual) removeXattr(path, attribute(name));
    else setXattr(path, attribute(name), new TextEncoder().encode(value));
  });
}

/** Errors of the kernel in words. */
function explained<T>(path: string, what: string, call: () => T): T {
  try {
    return call();
  } catch (e) {
    if (!(e instanceof FsError)) throw e;
    switch (e.code) {
      case 'ENOENT':
        throw new VolumeError('not-found', `${path} does not exist`);
      case 'EINVAL':
        throw new VolumeError('usage', `${path}: ${what} is not possible`);
      case 'EOPNOTSUPP':
        throw new VolumeError('usage', `${path} is not on a Varve volume`);
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        throw new VolumeError('no-permission', `${path}: ${e.code}`);
      default:
        throw e;
    }
  }
}
