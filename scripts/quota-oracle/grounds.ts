/** Where a case is played: a volume of Varve, or ext4 with the programs of the package quota. */
import { chmodSync, chownSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as calls from '../conformance/system-calls.js';
import { run } from '../trial/command.js';
import { as, root, type User } from '../trial/identity.js';
import { program } from '../trial/volume.js';
import type { Workspace } from '../trial/workspace.js';
import type { Step } from './cases.js';
import type { Limits } from './rules.js';

export type Holder = 'user' | 'group' | 'project';

const page = 4096;
const byte = new Uint8Array(16 * page).fill(7);

/** How limits are set and usage is told on a filesystem. */
interface Administration {
  set(holder: Holder, id: number, space: Limits, inodes: Limits): Promise<void>;
  expire(holder: Holder, id: number): Promise<void>;
  /** As `Rules.report`. */
  report(holder: Holder, id: number): Promise<string>;
}

export class QuotaGround {
  constructor(
    readonly name: string,
    private readonly directory: string,
    private readonly administration: Administration,
    readonly close: () => Promise<void>,
    /** Blocks of a new directory. */
    readonly directoryPages = 0,
  ) {}

  /** Answers of all steps, and the report at the end. */
  async play(steps: readonly Step[], holder: Holder, id: number): Promise<string[]> {
    const place = join(this.directory, `${holder}-${id}`);
    mkdirSync(place);
    chmodSync(place, 0o777);
    // The directory itself is root's: on ext4 it takes a block.
    if (holder === 'group') chownSync(place, 0, 0);
    if (holder === 'project') await run('chattr', ['-p', String(id), '+P', place]);
    const user: User = {
      name: 'holder',
      uid: holder === 'user' ? id : 50_000,
      gid: holder === 'group' ? id : 50_000,
      groups: [],
    };
    const answers: string[] = [];
    for (const step of steps) answers.push(await this.step(step, place, user, holder, id));
    return [...answers, await this.administration.report(holder, id)];
  }

  private async step(step: Step, place: string, user: User, holder: Holder, id: number): Promise<string> {
    if (step.what === 'limit') {
      await this.administration.set(holder, id, step.space, step.inodes);
      return 'set';
    }
    if (step.what === 'expire') {
      await this.administration.expire(holder, id);
      return 'expired';
    }
    const path = join(place, step.file);
    switch (step.what) {
      case 'create':
        return create(path, step.byRoot ? root : user, user);
      case 'write':
        return as(step.byRoot ? root : user, () => write(path, step.first, step.count));
      case 'truncate':
        return said(
          as(user, () => calls.truncate(path, step.size * page)),
          'cut',
        );
      case 'remove':
        return said(calls.unlink(path), 'removed');
      case 'give':
        return give(path, holder);
    }
  }
}

const said = (answer: calls.Answer, done: string): string => (typeof answer === 'string' ? answer : done);

/** By root: made, and given to the holder, which root may beyond any limit. */
function create(path: string, who: User, holder: User): string {
  const fd = as(who, () => calls.open(path, calls.o.writeOnly | calls.o.create | calls.o.exclusive, 0o666));
  calls.close(fd);
  if (typeof fd === 'string') return fd;
  if (who === root) chownSync(path, holder.uid, holder.gid);
  return 'made';
}

/** All pages, as a program writes that goes on after a short write. */
function write(path: string, first: number, count: number): string {
  const fd = calls.open(path, calls.o.writeOnly, 0);
  if (typeof fd === 'string') return fd;
  try {
    for (let done = 0; done < count * page; ) {
      const answer = calls.pwrite(fd, byte, count * page - done, first * page + done);
      if (typeof answer === 'string') return `${done / page} pages, ${answer}`;
      done += answer;
    }
    return `${count} pages`;
  } finally {
    calls.close(fd);
  }
}

async function give(path: string, holder: Holder): Promise<string> {
  if (calls.lstat(path) === 'ENOENT') return 'ENOENT';
  if (holder === 'project') await run('chattr', ['-p', '0', path]);
  else chownSync(path, 50_001, 50_001);
  // Somebody else's from here on; later steps shall not meet it.
  calls.unlink(path);
  return 'given';
}

const letter: Readonly<Record<Holder, string>> = { user: '-u', group: '-g', project: '-p' };

export async function varveGround(workspace: Workspace, name: string, options: string): Promise<QuotaGround> {
  const volume = workspace.volume(name);
  await volume.format('256M');
  await volume.mount([options]);
  chmodSync(volume.directory, 0o777);
  const quota = async (...args: string[]): Promise<string> => (await program('varve', ['quota', ...args])).stdout;
  const of = (holder: Holder, id: number): string[] => [letter[holder], String(id), volume.directory];
  const size = (pages: number): string => String(pages * page);
  return new QuotaGround(
    `Varve, ${options}`,
    volume.directory,
    {
      async set(holder, id, space, inodes) {
        const ofSpace = ['--soft', size(space.soft), '--hard', size(space.hard)];
        const ofInodes = ['--soft-inodes', String(inodes.soft), '--hard-inodes', String(inodes.hard)];
        await quota('set', ...ofSpace, ...ofInodes, ...of(holder, id));
      },
      async expire(holder, id) {
        await quota('set', '--grace-left', '0', ...of(holder, id));
      },
      async report(holder, id) {
        const { bytes, inodes } = JSON.parse(await quota('get', '--json', ...of(holder, id)));
        const [, flags] = /\s([+-]{2})\s/.exec(await quota('get', ...of(holder, id))) ?? [];
        return `${bytes / page} pages, ${inodes} inodes, ${flags}`;
      },
    },
    async () => {
      await volume.unmount();
      const { status, stdout } = await volume.fsck('-f');
      if (status !== 0) throw new Error(`fsck: exit ${status}\n${stdout}`);
    },
  );
}

/** Undefined where the kernel has no quotas of ext4 (CONFIG_QFMT_V2), or the programs are missing: then why. */
export async function ext4Ground(workspace: Workspace): Promise<QuotaGround | string> {
  const image = join(workspace.path, 'ext4.img');
  const directory = join(workspace.path, 'ext4');
  writeFileSync(image, '');
  truncateSync(image, 256 * 2 ** 20);
  mkdirSync(directory);
  const made = await run('mkfs.ext4', [
    '-q',
    '-b',
    '4096',
    '-O',
    'quota,project',
    '-E',
    'quotatype=usrquota:grpquota:prjquota',
    image,
  ]);
  if (made.status !== 0) return `mkfs.ext4: ${made.stderr.trim()}`;
  const options = 'loop,usrquota,grpquota,prjquota';
  const mounted = await run('mount', ['-o', options, image, directory], { allow: 'any' });
  if (mounted.status !== 0)
    return `this kernel mounts no ext4 with quotas (CONFIG_QFMT_V2): ${mounted.stderr.split('\n')[0]}`;
  const kind: Readonly<Record<Holder, string>> = { user: '-u', group: '-g', project: '-P' };
  return new QuotaGround(
    'ext4',
    directory,
    {
      async set(holder, id, space, inodes) {
        const numbers = [space.soft * 4, space.hard * 4, inodes.soft, inodes.hard].map(String);
        await run('setquota', [kind[holder], String(id), ...numbers, directory]);
      },
      async expire(holder, id) {
        // Refused where no grace time runs.
        await run('setquota', ['-T', kind[holder], String(id), '0', '0', directory], { allow: 'any' });
      },
      async report(holder, id) {
        await run('sync', ['-f', directory]);
        const { stdout } = await run('repquota', [kind[holder], '-n', '-O', 'csv', directory]);
        const row = stdout.split('\n').find((line) => line.startsWith(`#${id},`));
        const [, space = 'ok', inode = 'ok', blocks = '0', , , , inodes = '0'] = row?.split(',') ?? [];
        const flag = (state: string): string => (state === 'ok' ? '-' : '+');
        return `${Number(blocks) / 4} pages, ${inodes} inodes, ${flag(space)}${flag(inode)}`;
      },
    },
    async () => {
      await run('umount', [directory]);
    },
    1,
  );
}
