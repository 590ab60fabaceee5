/**
 * What `varve map` asks of an open volume: by the control socket of a mount, or in its own process of an image that
 * nobody serves. Nothing here changes anything, each answer is bounded, and the thread is kept for a few milliseconds
 * at a time: long looks one after another, however many ask.
 */
import { FsError, VolumeError } from '../errors.js';
import type { FileSystemApi } from '../posix/api.js';
import { filesNamed } from '../report/file-names.js';
import { filePlaces } from '../report/file-places.js';
import { fragmentation } from '../report/fragmentation.js';
import { imageFacts, liveMap } from '../report/live-map.js';
import { segmentContents } from '../report/segment-contents.js';
import type { Volume } from '../volume/volume.js';
import type { Arguments, CommandHandler } from './control.js';
import { inodeAt } from './frag-service.js';

/** A path that is typed may be so long. */
const longestText = 4096;
/** Looks that wait for their turn; more are refused. */
const mostWaiting = 16;

export function mapCommands(volume: Volume, filesystem: FileSystemApi): Readonly<Record<string, CommandHandler>> {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const inTurn = <T>(look: () => Promise<T>): Promise<T> => {
    if (waiting >= mostWaiting) throw new VolumeError('in-use', 'too many questions at once: ask again');
    waiting++;
    const turn = last.then(look).finally(() => waiting--);
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    'map-image': () => imageFacts(volume.state),
    'map-live': () => liveMap(volume),
    'map-fragmentation': () => inTurn(() => fragmentation(volume)),
    'map-segment': ({ place }) => inTurn(() => segmentContents(volume, placeIn(volume, place))),
    'map-file': (given) => inTurn(async () => filePlaces(volume, await inodeOf(filesystem, given))),
    'map-find': ({ name }) => inTurn(() => filesNamed(volume, textOf(name))),
  };
}

function placeIn({ state }: Volume, place: unknown): number {
  if (Number.isInteger(place) && (place as number) >= 0 && (place as number) < state.geometry.places)
    return place as number;
  throw new VolumeError('usage', `there is no place ${place}`);
}

async function inodeOf(filesystem: FileSystemApi, { inode, path }: Arguments): Promise<number> {
  if (Number.isSafeInteger(inode) && (inode as number) > 0) return inode as number;
  try {
    return (await inodeAt(filesystem, textOf(path))).inode;
  } catch (e) {
    if (e instanceof FsError && (e.code === 'ENOENT' || e.code === 'ENOTDIR'))
      throw new VolumeError('not-found', `${path}: no such file or directory`);
    throw e;
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= longestText) return value;
  throw new VolumeError('usage', 'a name is missing, or too long');
}
