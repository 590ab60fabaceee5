/** A volume filled to the last page: ENOSPC, then rm works, the space comes back, and nothing else is lost. */
import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run, shell } from '../trial/command.js';
import { treeSum } from '../trial/tree-hash.js';
import { projectRoot, type TrialVolume } from '../trial/volume.js';
import { expectThat, type Figures, mib, percent } from './figures.js';

/** What statfs may differ by once all that filled the volume is gone, in bytes. */
const slack = 8 * 2 ** 20;

/** Write files of a size until one can't be written; what the failure said. */
async function writeUntilFull(directory: string, blockSize: string, limit: number): Promise<string> {
  const loop = `for i in $(seq ${limit}); do dd if=/dev/zero of="$0/f$i" bs=${blockSize} count=1 conv=fsync status=none; done`;
  const { status, stderr } = await run('bash', ['-ec', loop, directory], { allow: 'any', limit: 1800 });
  expectThat(status !== 0, `${limit} files of ${blockSize} were written and the volume is still not full`);
  return stderr;
}

export async function checkFull(volume: TrialVolume, size: string, figures: Figures): Promise<void> {
  await volume.format(size);
  await volume.mount();
  const kept = join(volume.directory, 'kept');
  await run('cp', ['-a', join(projectRoot, 'node_modules', 'commander'), kept]);
  await run('sync', ['-f', volume.directory]);
  const before = await treeSum(kept);
  const space = await volume.space();
  const filler = join(volume.directory, 'filler');
  const crumbs = join(volume.directory, 'crumbs');
  await mkdir(filler);
  await mkdir(crumbs);

  const said = await writeUntilFull(filler, '8M', 2 * Math.ceil(space.size / 2 ** 23));
  expectThat(/No space left on device/.test(said), `the error is ENOSPC, not: ${said}`);
  await writeUntilFull(crumbs, '5000', 100_000);
  const full = await volume.space();
  figures.note('full', `${mib(full.used)} of ${mib(full.size)} (${percent(full.used, full.size)}), ENOSPC`);
  expectThat(full.available < 16 * 2 ** 20, `statfs says ${mib(full.available)} are still available`);

  await unlink(join(filler, 'f1'));
  figures.note('rm of one file on the full volume', 'works');
  await shell(`head -c 4000000 /dev/urandom > "${filler}/again"; sync "${filler}/again"`);
  figures.note('writing in its place', 'works');
  const { seconds } = await run('rm', ['-rf', filler, crumbs]);
  figures.seconds('rm -rf', seconds);
  // The kernel tells the next syncfs once of a write that failed before; it is no news here.
  await run('sync', ['-f', volume.directory], { allow: 'any' });
  await run('sync', ['-f', volume.directory]);
  const after = await volume.space();
  figures.note('space in use', `${mib(space.used)} before, ${mib(after.used)} after`);
  expectThat(Math.abs(after.used - space.used) < slack, 'the space has come back');
  expectThat((await treeSum(kept)).sha256 === before.sha256, 'what was there before is untouched');
  figures.note('what was there before', 'untouched');
  await volume.unmount();
  const checked = await volume.fsck('-f', '-n');
  expectThat(checked.status === 0, `fsck -f -n: exit ${checked.status}\n${checked.stdout}${checked.stderr}`);
  await volume.mount();
  expectThat((await treeSum(kept)).sha256 === before.sha256, 'what was there before is untouched after a remount');
  await volume.unmount();
}
