/** From what a mount was asked for to the options of the layers, and to the image, opened. */
import { VolumeError } from '../errors.js';
import { groupsOfProcess } from '../host/process-groups.js';
import type { FileSystemOptions } from '../posix/filesystem.js';
import { DamageNames } from '../report/damage-names.js';
import { openStore } from '../store/open.js';
import type { Store } from '../store/store.js';
import { quotasOfFlags } from '../volume/usage.js';
import type { Volume } from '../volume/volume.js';
import type { MountChoices } from './mount-options.js';
import { isServed } from './serving-mark.js';

/** How long to wait for a server that still writes its last checkpoint. */
const lockWaitMs = 30_000;
/** How long a server may need to notice that its mount is gone. */
const noticeMs = 2000;

/** Waits for a server that writes its last checkpoint, not for one that goes on serving. Throws VolumeError. */
export async function openImage(image: string, choices: MountChoices): Promise<Store> {
  try {
    return await openStore(image, storeOptions(choices, noticeMs));
  } catch (e) {
    if (!(e instanceof VolumeError) || e.problem !== 'in-use' || isServed(image)) throw e;
    return openStore(image, storeOptions(choices, lockWaitMs));
  }
}

const storeOptions = (choices: MountChoices, waitMs: number) => ({
  readOnly: choices.readOnly,
  waitMs,
  ...(choices.store === undefined ? {} : { kind: choices.store }),
  ...(choices.delayMs === undefined ? {} : { delayMs: choices.delayMs }),
});

export const durability = ({ general }: MountChoices): Pick<FileSystemOptions, 'durable'> =>
  general.has('sync') ? { durable: 'all' } : general.has('dirsync') ? { durable: 'names' } : {};

export const volumeOptions = (choices: MountChoices) => ({
  branch: choices.branch ?? '',
  readOnly: choices.readOnly,
  historySeconds: choices.historySeconds,
  discard: choices.discard,
  ...(choices.journal === undefined ? {} : { journal: choices.journal }),
  ...(choices.commitSeconds === undefined ? {} : { commitSeconds: choices.commitSeconds }),
  ...(choices.cacheBytes === undefined ? {} : { cacheBytes: choices.cacheBytes / 2 }),
  ...(choices.compression === undefined ? {} : { compression: choices.compression }),
});

export const filesystemOptions = (
  volume: Volume,
  choices: MountChoices,
  log: (line: string) => void,
): FileSystemOptions => ({
  accessTimes: choices.accessTimes,
  listsSnapshots: choices.snapshotsVisible,
  ...durability(choices),
  quotas: choices.quotas ?? quotasOfFlags(volume.state.superblock.flags),
  onQuota: log,
  groupsOf: ({ pid }) => groupsOfProcess(pid),
  onCorruption: sayWhatIsDamaged(new DamageNames(volume, log), log),
  ...(choices.cacheBytes === undefined ? {} : { cacheBytes: choices.cacheBytes / 2 }),
  ...(choices.autodefrag === undefined ? {} : { gatherBytes: choices.autodefrag }),
});

/** First what is known at once, and where the path of the file is found, that as well. */
const sayWhatIsDamaged =
  (names: DamageNames, log: (line: string) => void): NonNullable<FileSystemOptions['onCorruption']> =>
  (error, inode) => {
    log(error.message);
    names.met(inode);
  };
