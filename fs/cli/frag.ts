/**
 * `varve frag`: how the files, the segments and the metadata of a volume lie. Of a mount its server makes the report
 * (frag-service.ts); an image that is not mounted is opened to be read, its journal replayed in memory.
 */

import { realpathSync, statSync, writeFileSync } from 'node:fs';
import { FsError, VolumeError } from '../errors.js';
import { FileSystem } from '../posix/filesystem.js';
import { fragmentation } from '../report/fragmentation.js';
import type { FragmentationReport } from '../report/fragmentation-report.js';
import { picture } from '../report/picture.js';
import { openImageFile } from '../store/image-file.js';
import { Volume } from '../volume/volume.js';
import { type AddCommand, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { inodeAt } from './frag-service.js';
import { fragmentationText } from './frag-text.js';
import { jsonOption } from './json-schema.js';
import { json } from './output.js';
import { fragSchema } from './schemas/frag.js';
import { formatSize } from './size.js';
import { mountAround, mountOfImage } from './target.js';
import { unlockStore } from './unlock.js';

interface FragChoices {
  readonly path?: string;
  readonly json?: boolean;
  readonly svg?: string;
}

export const addFrag: AddCommand = (program, { output }) => {
  withExamples(program.command('frag'), [
    ['varve frag /mnt/v', 'how fragmented the volume is'],
    ['varve frag --svg map.svg disk.img', 'a picture of an image that is not mounted'],
  ])
    .description('show how fragmented a volume is: a score, the worst files, segments, metadata, a map')
    .argument('<image-or-directory>', 'an image, or a directory of a mounted volume: it and what is below it')
    .option('--path <path>', 'only this file or directory and what is below it; from the root of the volume')
    .addOption(jsonOption(fragSchema))
    .option('--svg <file>', 'draw a picture into this file as well')
    .action(async (target: string, choices: FragChoices) => {
      const report = await reportOf(target, choices.path);
      if (choices.svg !== undefined) writeFileSync(choices.svg, picture(report, target, formatSize));
      output.line(choices.json ? json(report) : fragmentationText(output, target, report));
    });
};

async function reportOf(target: string, path: string | undefined): Promise<FragmentationReport> {
  const mount = stat(target).isDirectory() ? mountAround(target) : mountOfImage(target);
  if (mount === undefined) {
    if (stat(target).isDirectory())
      throw new VolumeError('usage', `${target} is a directory where no Varve volume is mounted`);
    return ofImage(target, path);
  }
  const server = await ControlConnection.of(mount);
  try {
    const below = stat(target).isDirectory() ? realpathSync(target).slice(mount.target.length) : '';
    return (await server.ask('frag', { path: `${below}/${path ?? ''}` })) as FragmentationReport;
  } finally {
    server.close();
  }
}

function stat(target: string) {
  const found = statSync(target, { throwIfNoEntry: false });
  if (found === undefined) throw new VolumeError('not-found', `${target} does not exist`);
  return found;
}

async function ofImage(image: string, path: string | undefined): Promise<FragmentationReport> {
  const store = await openImageFile(image, { readOnly: true });
  try {
    await unlockStore(store);
    const volume = await Volume.open(store, { readOnly: true });
    const part = await inodeAt(new FileSystem(volume), path ?? '/');
    const report = await fragmentation(volume, { part });
    await volume.close();
    return report;
  } catch (e) {
    if (e instanceof FsError && e.code === 'ENOENT')
      throw new VolumeError('not-found', `${path}: no such file or directory`);
    throw e;
  } finally {
    await store.close();
  }
}
