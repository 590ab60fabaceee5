/** What can't be opened is refused with a message that says why and the exit code that belongs to it. */
import { chmod, copyFile, open, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCode, fsckExit, mkfsExit, mountExit } from '../../fs/cli/exit-codes.js';
import { selfChecksum } from '../../fs/format/checksum.js';
import { formatVersion, Superblock } from '../../fs/format/superblock.js';
import { pageSize } from '../../fs/units.js';
import { type Outcome, run } from '../trial/command.js';
import { program, projectRoot, type TrialVolume } from '../trial/volume.js';
import { expectThat, type Figures } from './figures.js';

/** How a program must answer. */
interface Refusal {
  readonly what: string;
  readonly command: readonly [string, ...string[]];
  readonly exit: number;
  readonly says: RegExp;
}

/** Change both superblocks of an image and give them right checksums again. */
async function editSuperblocks(image: string, change: (view: DataView) => void): Promise<void> {
  const file = await open(image, 'r+');
  try {
    const { size } = await file.stat();
    for (const offset of [0, size - pageSize]) {
      const page = Buffer.alloc(pageSize);
      await file.read(page, 0, pageSize, offset);
      const view = new DataView(page.buffer, page.byteOffset, pageSize);
      change(view);
      view.setUint32(Superblock.offsetOf.checksum, selfChecksum(page, Superblock.offsetOf.checksum), true);
      await file.write(page, 0, pageSize, offset);
    }
  } finally {
    await file.close();
  }
}

function judge(refusal: Refusal, outcome: Outcome, figures: Figures): void {
  const said = outcome.stderr.trim();
  expectThat(outcome.status === refusal.exit, `${refusal.what}: exit ${refusal.exit}, not ${outcome.status}: ${said}`);
  expectThat(refusal.says.test(said), `${refusal.what}: the message says ${refusal.says}, not: ${said}`);
  expectThat(!/\n\s+at /.test(said), `${refusal.what}: no stack trace in: ${said}`);
  figures.note(refusal.what, `exit ${outcome.status}: ${said.split('\n')[0].replaceAll(/\/\S*\//g, '')}`);
}

/** Mount, `varve info` and fsck refuse an image, each with its own exit code. */
function refusals(what: string, image: string, directory: string, info: number, fsck: number, says: RegExp): Refusal[] {
  return [
    { what: `mount of ${what}`, command: ['mount.varve', image, directory], exit: mountExit.failed, says },
    { what: `varve info of ${what}`, command: ['varve', 'info', image], exit: info, says },
    { what: `fsck of ${what}`, command: ['fsck.varve', '-n', image], exit: fsck, says },
  ];
}

export async function checkRefusals(volume: TrialVolume, size: string, figures: Figures): Promise<void> {
  const { image, directory } = volume;
  const folder = join(image, '..');
  const path = (name: string): string => join(folder, `${name}.img`);
  await volume.format(size);

  await writeFile(path('text'), 'This is not an image.\n'.repeat(100_000));
  await copyFile(image, path('short'));
  await truncate(path('short'), Math.floor((await stat(image)).size / 2));
  await copyFile(image, path('newer'));
  await editSuperblocks(path('newer'), (v) => v.setUint32(Superblock.offsetOf.version, formatVersion + 1, true));
  await copyFile(image, path('feature'));
  await editSuperblocks(path('feature'), (v) => v.setUint32(Superblock.offsetOf.incompatible + 4, 1 << 16, true));

  const { operational, uncorrected } = fsckExit;
  const cases: Refusal[] = [
    ...refusals('a text file', path('text'), directory, exitCode.notVarve, operational, /not a Varve/i),
    ...refusals('half an image', path('short'), directory, exitCode.truncated, uncorrected, /truncated|cut short/i),
    ...refusals('a newer version', path('newer'), directory, exitCode.newerVersion, operational, /version 2/i),
    ...refusals('an unknown feature', path('feature'), directory, exitCode.unknownFeature, operational, /feature/i),
    ...refusals(
      'no file',
      path('absent'),
      directory,
      exitCode.notFound,
      operational,
      /no such|not found|does not exist/i,
    ),
  ];
  for (const refusal of cases) {
    const [name, ...args] = refusal.command;
    judge(refusal, await program(name, args, { allow: 'any', limit: 60 }), figures);
  }

  await volume.mount();
  const busy: Refusal[] = [
    {
      what: 'fsck of a mounted image',
      command: ['fsck.varve', '-n', image],
      exit: operational,
      says: /in use|mounted/i,
    },
    {
      what: 'mkfs of a mounted image',
      command: ['mkfs.varve', '-f', image],
      exit: mkfsExit.failed,
      says: /in use|mounted/i,
    },
    {
      what: 'second mount',
      command: ['mount.varve', image, directory],
      exit: mountExit.failed,
      says: /in use|mounted/i,
    },
  ];
  for (const refusal of busy) {
    const [name, ...args] = refusal.command;
    judge(refusal, await program(name, args, { allow: 'any', limit: 60 }), figures);
  }
  await volume.unmount();

  await chmod(folder, 0o755);
  await chmod(image, 0o600);
  const nobody = [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    process.execPath,
    join(projectRoot, 'bin', 'varve'),
  ];
  const denied: Refusal = {
    what: 'varve info without permission',
    command: ['varve', 'info', image],
    exit: exitCode.noPermission,
    says: /permission/i,
  };
  judge(denied, await run('setpriv', [...nobody, 'info', image], { allow: 'any', limit: 60 }), figures);
  const filled: Refusal = {
    what: 'mkfs over a volume without -f',
    command: ['mkfs.varve', image],
    exit: mkfsExit.failed,
    says: /-f|force/i,
  };
  judge(filled, await program('mkfs.varve', [image], { allow: 'any', limit: 60 }), figures);
}
