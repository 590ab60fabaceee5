/**
 * mkfs.varve: makes a volume in a file or on a block device. It refuses what is in use, and without -f what looks
 * as if somebody wants to keep it.
 *
 * Crash safety: the superblock is written last (Volume.format): a volume that was half made is no volume.
 */
import { randomBytes } from 'node:crypto';
import { statSync, unlinkSync } from 'node:fs';
import { CommanderError } from 'commander';
import { mkfsExit } from '../fs/cli/exit-codes.js';
import { json, type Output, standardOutput } from '../fs/cli/output.js';
import { Progress } from '../fs/cli/progress.js';
import { formatSize } from '../fs/cli/size.js';
import { formatUuid } from '../fs/cli/uuid.js';
import { VolumeError } from '../fs/errors.js';
import { segmentPages } from '../fs/format/geometry.js';
import type { Superblock } from '../fs/format/superblock.js';
import { initialItems } from '../fs/posix/namespace/root-directory.js';
import { openImageFile } from '../fs/store/image-file.js';
import type { Store } from '../fs/store/store.js';
import { addSlot, type Secret } from '../fs/transform/key-slots.js';
import { keyBytes, VolumeKey } from '../fs/transform/volume-key.js';
import { pageSize } from '../fs/units.js';
import type { OpenSuperblock } from '../fs/volume/superblock.js';
import { Volume } from '../fs/volume/volume.js';
import { mkfsCommand } from './command.js';
import { refuseInUse } from './in-use.js';
import { describeVolume, planVolume } from './layout.js';
import { type MkfsArguments, type MkfsOptions, readOptions } from './options.js';
import { holdsAnything, whatIsThere } from './signatures.js';

/** Run mkfs.varve with arguments as from the command line; resolves with the exit code. */
export async function main(args: readonly string[], output: Output = standardOutput()): Promise<number> {
  const command = mkfsCommand(output).action(async (image: string, options: MkfsArguments) => {
    const wanted = await readOptions(options, (line) => output.error(`mkfs.varve: ${line}`));
    const bar = new Progress(output, 'mkfs', options.progress, wanted.json || wanted.quiet);
    const superblock = await mkfs(image, wanted, (share, bytes) =>
      bar.update(share, bytes, 'giving back what was there'),
    ).finally(() => bar.stop());
    if (wanted.json) output.line(json(summary(image, superblock)));
    else if (!wanted.quiet) output.line(describeVolume(image, superblock));
  });
  try {
    await command.parseAsync(args, { from: 'user' });
    return mkfsExit.ok;
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode === 0 ? mkfsExit.ok : mkfsExit.failed;
    output.error(`mkfs.varve: ${e instanceof Error ? e.message : String(e)}`);
    return mkfsExit.failed;
  }
}

const summary = (image: string, superblock: Superblock) => ({
  image,
  label: superblock.label,
  uuid: formatUuid(superblock.uuid),
  imageBytes: superblock.imagePages * pageSize,
  segmentBytes: segmentPages(superblock) * pageSize,
  places: superblock.places,
  reservedSegments: superblock.reservedSegments,
});

/** Told how much of the image is cleared: a share from 0 to 1, and bytes. */
export type MkfsProgress = (share: number, bytes: number) => void;

/** Make a volume. Throws VolumeError before anything has changed, except for errors of the store. */
export async function mkfs(
  image: string,
  options: MkfsOptions,
  progress: MkfsProgress = () => undefined,
): Promise<Superblock> {
  const createdSeconds = Math.floor(Date.now() / 1000);
  const found = statSync(image, { throwIfNoEntry: false });
  if (found === undefined) {
    if (options.size === undefined) {
      throw new VolumeError(
        'usage',
        `${image} does not exist: say with --size how large it shall be, such as --size 1G`,
      );
    }
    return create(image, planVolume(options.size, options, createdSeconds), options, progress);
  }
  refuseInUse(image);
  const device = found.isBlockDevice();
  const size = await judge(image, device, options);
  const superblock = planVolume(size, options, createdSeconds);
  const store = await openImageFile(image, device ? {} : { create: { size } });
  return finish(store, superblock, options.secret, progress);
}

/** Make the file too; it goes away again if the volume can't be made. */
async function create(
  image: string,
  superblock: Superblock,
  { size = 0, secret }: MkfsOptions,
  progress: MkfsProgress,
): Promise<Superblock> {
  const store = await openImageFile(image, { create: { size } });
  try {
    return await finish(store, superblock, secret, progress);
  } catch (e) {
    unlinkSync(image);
    throw e;
  }
}

async function finish(
  store: Store,
  superblock: Superblock,
  secret: Secret | undefined,
  progress: MkfsProgress,
): Promise<Superblock> {
  try {
    const opened = secret === undefined ? superblock : encrypted(superblock, secret);
    await makeVolume(store, opened, progress);
    return superblock;
  } finally {
    await store.close();
  }
}

/** With a new key, which the secret opens, and what seals the first pages. */
function encrypted(superblock: Superblock, secret: Secret): OpenSuperblock {
  const raw = randomBytes(keyBytes);
  const key = new VolumeKey(raw);
  raw.fill(0);
  addSlot(superblock, key, secret, { seconds: superblock.createdSeconds });
  secret.bytes.fill(0);
  return { ...superblock, sealer: key.opening() };
}

/** Look at what is there: its size in bytes, or the one asked for. Throws if it may be worth keeping. */
async function judge(image: string, device: boolean, options: MkfsOptions): Promise<number> {
  const store = await openImageFile(image);
  try {
    if (device && options.size !== undefined && options.size !== store.size) {
      throw new VolumeError('usage', `${image} is a device of ${formatSize(store.size)}: leave out --size`);
    }
    if (!options.force) {
      const there = await whatIsThere(store);
      if (there) throw new VolumeError('in-use', `${image} holds ${there}; use -f to format it anyway`);
      if (!device && (await holdsAnything(store))) {
        throw new VolumeError('in-use', `${image} holds data that is not a filesystem; use -f to format it anyway`);
      }
    }
    return options.size ?? store.size;
  } finally {
    await store.close();
  }
}

/** Signatures of other filesystems lie in these bytes at both ends: they are cleared, so that nothing else recognises the image. */
const clearedBytes = 256 * 1024;
/** Discarded at a time: a large device may take minutes for all. */
const clearedAtOnce = 4 * 2 ** 30;

/** Make an empty volume in any store, with a root directory that belongs to the caller of the program. */
export async function makeVolume(
  store: Store,
  superblock: OpenSuperblock,
  progress: MkfsProgress = () => undefined,
): Promise<void> {
  for (let at = 0; at < store.size; at += clearedAtOnce) {
    await store.discard(at, Math.min(clearedAtOnce, store.size - at));
    progress(Math.min(1, (at + clearedAtOnce) / store.size), Math.min(store.size, at + clearedAtOnce));
  }
  const zeros = new Uint8Array(clearedBytes);
  await store.write(0, [zeros]);
  await store.write(store.size - clearedBytes, [zeros]);
  const now = { seconds: superblock.createdSeconds, nanos: 0 };
  const initial = initialItems(now, process.getuid?.() ?? 0, process.getgid?.() ?? 0, 0o755);
  await Volume.format(store, { superblock, initial });
}
