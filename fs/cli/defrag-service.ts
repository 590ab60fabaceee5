/**
 * The server's side of `varve defrag`: steps of a few MiB, each asked for by itself, and which of the files of a directory
 * lie apart. Nothing is kept between them.
 */
import { FsError, VolumeError } from '../errors.js';
import type { FileSystem } from '../posix/filesystem.js';
import type { DefragmentStep } from '../posix/inode/defragment.js';
import type { Control } from './control.js';

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0;

/** The answer to `defrag-step`; `gone`: there is no such file any more. */
export type DefragAnswer = DefragmentStep | { readonly gone: true };

/** The answer to `defrag-look`: the files that lie apart from those before and behind them in the list. */
export interface LookAnswer {
  readonly apart: readonly number[];
}

/**
 * Answer `defrag-look`: `inodes`, in the order in which they are read, and `leastPages`, as `lieApart` has it; and
 * `defrag-step`: `inode`, `from`, `leastPages`, `mostPages`, `held`, `dry` as in DefragmentOptions. */
export function answerDefrag(control: Control, filesystem: FileSystem): void {
  control.on('defrag-look', async ({ inodes, leastPages }): Promise<LookAnswer> => {
    if (!Array.isArray(inodes) || !inodes.every(isNumber) || !isNumber(leastPages))
      throw new VolumeError('usage', 'defrag-look: inodes and leastPages are numbers');
    return { apart: await filesystem.lyingApart(inodes, leastPages) };
  });
  control.on('defrag-step', async (given): Promise<DefragAnswer> => {
    const number = (name: string, least: number): number => {
      const value = given[name];
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
        throw new VolumeError('usage', `defrag-step: ${name} is ${String(value)}`);
      return value;
    };
    try {
      return await filesystem.defragment(number('inode', 1), {
        from: number('from', 0),
        leastPages: number('leastPages', 1),
        mostPages: number('mostPages', 1),
        held: given.held === true,
        all: given.all === true,
        dry: given.dry === true,
      });
    } catch (e) {
      if (e instanceof FsError && e.code === 'ESTALE') return { gone: true };
      if (e instanceof FsError && e.code === 'ENOSPC')
        throw new VolumeError('io', 'the volume is too full: defragmentation needs room to lay files anew');
      throw e;
    }
  });
}
