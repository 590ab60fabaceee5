/**
 * `varve import` and `varve export`: trees into an image that is not mounted, and out of it, without a mount and
 * without being root. mkfs.ext4 has -d for the first; a mounted volume needs neither, but cp(1).
 */

import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type AddCommand, withExamples } from '../fs/cli/command.js';
import { jsonOption } from '../fs/cli/json-schema.js';
import { json, type Output } from '../fs/cli/output.js';
import { Progress, type ProgressStyle, progressOption } from '../fs/cli/progress.js';
import { counted, formatSize } from '../fs/cli/size.js';
import { mountOfImage } from '../fs/cli/target.js';
import { VolumeError } from '../fs/errors.js';
import { copyIn } from '../library/copy-in.js';
import { copyOut } from '../library/copy-out.js';
import { Image, type ImageOptions } from '../library/image.js';
import type { CopyProgress, TreeCopy } from '../library/tree-copy.js';
import { hostTreeSize, imageTreeSize, type SizeProgress, shareOf, type TreeSize } from '../library/tree-size.js';
import { treeCopySchema } from './schemas.js';

interface Options {
  readonly path: string;
  readonly snapshot?: string;
  readonly progress?: ProgressStyle;
  readonly json?: boolean;
}

export const addImport: AddCommand = (program, { output }) => {
  withExamples(program.command('import'), [
    ['varve import /etc volume.img', 'the contents of /etc into its root'],
    ['varve import --path /old/home /home volume.img', 'into a directory, which is made if need be'],
  ])
    .description('copy a tree of the host into an image that is not mounted')
    .argument('<directory>', 'what is in it is copied')
    .argument('<image>', 'file or block device')
    .option('--path <path>', 'directory in the image', '/')
    .addOption(progressOption())
    .addOption(jsonOption(treeCopySchema))
    .action(async (directory: string, path: string, options: Options) => {
      if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
        throw new VolumeError('usage', `${directory} is no directory`);
      report(
        output,
        options,
        await withImage(path, {}, async (image) => {
          await image.files.mkdir(options.path, { recursive: true });
          const target = await image.files.inode(options.path);
          return shown(output, 'import', options, {
            size: (progress) => hostTreeSize(directory, progress),
            copy: (progress) => copyIn(directory, image.filesystem, target, progress),
          });
        }),
      );
    });
};

export const addExport: AddCommand = (program, { output }) => {
  withExamples(program.command('export'), [
    ['varve export volume.img /tmp/files', 'all files, into a directory that is new or empty'],
    ['varve export --snapshot monday --path /home/ann volume.img /tmp/ann', 'one folder, as it was'],
  ])
    .description('copy files out of an image that is not mounted')
    .argument('<image>', 'file or block device')
    .argument('<directory>', 'new, or empty')
    .option('--path <path>', 'directory in the image', '/')
    .option('--snapshot <name>', 'of a snapshot instead of the live files')
    .addOption(progressOption())
    .addOption(jsonOption(treeCopySchema))
    .action(async (path: string, directory: string, options: Options) => {
      if (existsSync(directory) && readdirSync(directory).length > 0)
        throw new VolumeError('usage', `${directory} is not empty`);
      const how = { readOnly: true, ...(options.snapshot === undefined ? {} : { snapshot: options.snapshot }) };
      report(
        output,
        options,
        await withImage(path, how, async (image) => {
          const from = await image.files.inode(options.path);
          mkdirSync(directory, { recursive: true });
          return shown(output, 'export', options, {
            size: (progress) => imageTreeSize(image.filesystem, from, progress),
            copy: (progress) => copyOut(image.filesystem, from, directory, progress),
          });
        }),
      );
    });
};

const breathMs = 50;

interface Steps {
  readonly size: (progress: SizeProgress) => Promise<TreeSize>;
  readonly copy: (progress: CopyProgress) => Promise<TreeCopy>;
}

/** Look how much it is, copy it, and show how far both are. */
async function shown(
  output: Output,
  what: string,
  { progress, json }: Options,
  { size, copy }: Steps,
): Promise<TreeCopy> {
  const bar = new Progress(output, what, progress, json);
  try {
    let breathed = performance.now();
    // Both run from memory for long stretches: signals and the bar have their turn here.
    const breathe = (): Promise<void> | undefined => {
      if (performance.now() - breathed < breathMs) return undefined;
      return setImmediate().then(() => {
        breathed = performance.now();
      });
    };
    const whole = await size(({ entries }) => {
      bar.update(0, 0, `looking how much it is: ${counted(entries, 'entry', 'entries')}`);
      return breathe();
    });
    return await copy((done) => {
      bar.update(shareOf(whole, done), done.bytes, counted(done.files + done.others, 'file'));
      return breathe();
    });
  } finally {
    bar.stop();
  }
}

async function withImage<T>(path: string, options: ImageOptions, use: (image: Image) => Promise<T>): Promise<T> {
  const mount = existsSync(path) ? mountOfImage(path) : undefined;
  if (mount !== undefined) throw new VolumeError('in-use', `${path} is mounted on ${mount.target}: use cp -a`);
  const image = await Image.open(path, options);
  let result: T;
  try {
    result = await use(image);
  } catch (e) {
    await image.close().catch(() => undefined);
    throw e;
  }
  await image.close();
  return result;
}

const shownAtMost = 20;

function report(output: Output, options: Options, copy: TreeCopy): void {
  if (options.json) {
    output.line(json(copy));
    return;
  }
  const { files, directories, others, bytes, incomplete } = copy;
  for (const { path, why } of incomplete.slice(0, shownAtMost)) output.error(`${path}: not kept: ${why}`);
  if (incomplete.length > shownAtMost) output.error(`and ${incomplete.length - shownAtMost} more`);
  const all = [counted(files, 'file'), counted(directories, 'directory', 'directories'), `${others} others`];
  output.line(`${all.join(', ')}, ${formatSize(bytes)}`);
}
