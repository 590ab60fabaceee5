/**
 * A folder of its own in a directory of any filesystem, as the harness sees it: made when it is first opened, removed at
 * the end, whatever is in it then. Its power can't be cut, so it has no disk and no generations.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { VolumeError } from '../../fs/errors.js';
import { DirectoryApi, now } from './directory-api.js';
import { pathOf } from './directory-inodes.js';
import type { System, SystemMaker } from './system.js';

/** What must be free, in bytes: so much that the runs never meet its end. */
const leastFree = 64 << 20;

export class DirectoryMaker implements SystemMaker {
  readonly kernel = true;
  readonly timeOfChange = (): typeof now => now;
  private api: DirectoryApi | undefined;
  private folder: string | undefined;
  private umask: number | undefined;

  constructor(private readonly directory: string) {}

  async format(): Promise<void> {}

  async open(): Promise<System> {
    this.umask ??= process.umask(0);
    this.folder ??= fs.mkdtempSync(join(this.directory, 'varve-stress-'));
    this.api ??= new DirectoryApi(this.folder);
    const { api } = this;
    return {
      api,
      commit: () => api.sync(),
      generation: () => 0,
      counters: () => ({}),
      close: async () => api.letAllGo(),
      abandon: async () => undefined,
    };
  }

  async generationOf(): Promise<number> {
    return 0;
  }

  async check(): Promise<string[]> {
    return [];
  }

  /** Remove the folder with all that is in it. */
  end(): void {
    this.api?.close();
    if (this.folder !== undefined) {
      removeContents(this.folder);
      fs.rmdirSync(this.folder);
    }
    if (this.umask !== undefined) process.umask(this.umask);
    this.api = this.folder = this.umask = undefined;
  }
}

/** Remove what a folder holds, by descriptors: names may be of any bytes and paths of any length; links are not followed. */
function removeContents(path: string | Buffer): void {
  const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW);
  try {
    for (const name of fs.readdirSync(pathOf(fd), { encoding: 'buffer' })) {
      const entry = Buffer.concat([Buffer.from(`${pathOf(fd)}/`), name]);
      if (!fs.lstatSync(entry).isDirectory()) fs.unlinkSync(entry);
      else {
        removeContents(entry);
        fs.rmdirSync(entry);
      }
    }
  } finally {
    fs.closeSync(fd);
  }
}

/** Throws VolumeError unless random runs can be done there. */
export function mustBeOfUse(directory: string): void {
  const found = fs.statSync(directory, { throwIfNoEntry: false });
  if (!found?.isDirectory()) throw new VolumeError('usage', `${directory} is no directory`);
  if (process.getuid?.() !== 0)
    throw new VolumeError('no-permission', 'random runs make files of any owner and mode: only root can do that');
  const { bavail, bsize } = fs.statfsSync(directory);
  if (bavail * bsize < leastFree) throw new VolumeError('usage', `${directory}: 64 MiB must be free`);
}
