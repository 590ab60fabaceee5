/**
 * A tree copied in is identical after a remount; so it is after everything was removed and the volume was filled to
 * 95 % twice, the second time into the gaps of the first, so that the cleaner has to make room.
 */
import { mkdir, readdir, realpath, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CommandFailed, run, shell } from '../trial/command.js';
import { SeededRandom } from '../trial/random.js';
import { projectRoot, type TrialVolume } from '../trial/volume.js';
import { cleanerFigures } from './cleaning.js';
import { expectThat, type Figures, mib, percent } from './figures.js';

const fullness = 0.95;

async function copyTree(source: string, to: string): Promise<number> {
  return (await run('cp', ['-a', source, to])).seconds;
}

async function identical(source: string, copy: string): Promise<void> {
  await run('diff', ['-r', '--no-dereference', source, copy]);
}

/** Unmount and check; throws unless nothing is found. */
async function checkedUnmount(volume: TrialVolume, figures: Figures, when: string): Promise<void> {
  const { seconds } = await volume.unmount();
  figures.seconds(`umount ${when}`, seconds);
  const checked = await volume.fsck('-f', '-n');
  if (checked.status !== 0) throw new CommandFailed('fsck.varve -f -n', checked);
  figures.seconds(`fsck -f -n ${when}, exit 0`, checked.seconds);
}

const used = async (directory: string): Promise<number> => {
  const s = await statfs(directory);
  return 1 - s.bfree / s.blocks;
};

/** Copy trees, then files of 1 MiB, until the volume is as full as it shall be; how many trees. */
async function fill(source: string, directory: string, prefix: string): Promise<number> {
  const s = await statfs(directory);
  const treeShare =
    (Number((await run('du', ['-s', '-B1', source])).stdout.split('\t')[0]) * 1.05) / (s.blocks * s.bsize);
  let trees = 0;
  while ((await used(directory)) + treeShare < fullness) {
    trees += 1;
    await copyTree(source, join(directory, `${prefix}-${trees}`));
    await run('sync', ['-f', directory]);
  }
  const rest = join(directory, `${prefix}-rest`);
  await mkdir(rest);
  for (let file = 0; (await used(directory)) < fullness; file++) {
    await shell(`head -c 1048576 /dev/urandom > "${rest}/${file}"; sync "${rest}/${file}"`);
  }
  return trees;
}

/** Remove a random half of all files but those of the trees that stay. */
async function thinOut(directory: string, keep: string, seed: number): Promise<number> {
  const random = new SeededRandom(seed);
  const removed: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !path.startsWith(`${keep}/`) && random.below(2) === 1) removed.push(path);
  }
  await run('xargs', ['-0', 'rm', '-f'], { input: removed.join('\0') });
  return removed.length;
}

export async function checkTrees(volume: TrialVolume, size: string, figures: Figures, seed: number): Promise<void> {
  // Tools write into node_modules/.vite now and then: what is compared must not change.
  const source = join(dirname(volume.image), 'source');
  await run('cp', ['-a', await realpath(join(projectRoot, 'node_modules')), source]);
  figures.seconds('mkfs', (await volume.format(size)).seconds);
  figures.seconds('first mount', await volume.mount());
  const first = join(volume.directory, 'first');
  figures.seconds('cp -a node_modules', await copyTree(source, first));
  await checkedUnmount(volume, figures, 'after cp');
  figures.seconds('mount', await volume.mount());
  await identical(source, first);
  figures.note('diff -r after remount', 'identical');
  const { seconds } = await shell(`rm -rf "${volume.directory}"/*`);
  figures.seconds('rm -rf', seconds);

  const trees = await fill(source, volume.directory, 'a');
  figures.note('first filling', `${trees} trees, ${percent(await used(volume.directory), 1)} full`);
  const keep = join(volume.directory, 'a-1');
  figures.note('files removed in between', await thinOut(volume.directory, keep, seed));
  figures.note('full after removal', percent(await used(volume.directory), 1));
  const more = await fill(source, volume.directory, 'b');
  figures.note('second filling', `${more} trees, ${percent(await used(volume.directory), 1)} full`);
  const { moved, background, foreground } = await cleanerFigures(volume);
  figures.note('cleaner', `${mib(moved * 4096)} moved, ${background} cleanings while idle, ${foreground} on demand`);
  const { peakMiB, cpuSeconds } = volume.figures();
  figures.note('server', `at most ${peakMiB.toFixed(0)} MiB, ${cpuSeconds.toFixed(0)} s of CPU`);
  await checkedUnmount(volume, figures, 'after refilling');
  figures.seconds('mount when full', await volume.mount());
  await identical(source, keep);
  for (let tree = 1; tree <= more; tree++) await identical(source, join(volume.directory, `b-${tree}`));
  figures.note('diff -r of the tree kept and of those copied last', 'identical');
  expectThat(moved > 0 && background + foreground > 0, 'the cleaner ran');
  await volume.unmount();
}
