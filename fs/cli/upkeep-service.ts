/** The server's side of `varve resize` and `varve trim`. */
import { VolumeError } from '../errors.js';
import { nextTurn } from '../suspend.js';
import { pageSize } from '../units.js';
import type { Volume } from '../volume/volume.js';
import type { Control } from './control.js';

/** Size of a volume before and after, in bytes. */
export interface Resized {
  readonly before: number;
  readonly after: number;
}

/** Answer `resize` (`bytes`, `relative`: so many more, or less if negative) and `trim`. `scrubbing`: a scrub knows where tables lie now. */
export function answerUpkeep(control: Control, volume: Volume, scrubbing: () => boolean): void {
  control.on('resize', ({ bytes, relative }) => {
    if (typeof bytes !== 'number') throw new VolumeError('usage', 'resize: how many bytes?');
    if (scrubbing()) throw new VolumeError('in-use', 'a scrub is running: wait for it, or varve scrub --cancel');
    return resize(volume, bytes, relative === true);
  });
  control.on('trim', async () => ({ bytes: await volume.upkeep.trim(nextTurn) }));
}

export async function resize(volume: Volume, bytes: number, relative: boolean): Promise<Resized> {
  const size = (): number => volume.state.superblock.imagePages * pageSize;
  const before = size();
  await volume.upkeep.resize(relative ? before + bytes : bytes);
  return { before, after: size() };
}

/** Trim a volume that nobody serves. */
export const trimOffline = (volume: Volume): Promise<number> => volume.upkeep.trim(nextTurn);
