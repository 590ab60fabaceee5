/**
 * fusermount3 of the package fuse3: what lets an ordinary user mount and unmount. It is root's, and says on standard
 * error why it refuses. Mounting waits for it; unmounting does not, as the mount's server may be this very process.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { FsError, VolumeError } from '../errors.js';

const program = 'fusermount3';
const configuration = '/etc/fuse.conf';

/** Whether mounting and unmounting is to be asked of fusermount3. */
export const isOrdinaryUser = (): boolean => process.geteuid?.() !== 0;

export const othersNotAllowed = (): VolumeError =>
  new VolumeError('no-permission', "allow_other needs a line 'user_allow_other' in /etc/fuse.conf");

/** Whether fuse.conf lets ordinary users let others into their mounts. */
export function othersAllowed(): boolean {
  return existsSync(configuration) && /^user_allow_other\s*$/m.test(readFileSync(configuration, 'utf8'));
}

/** Mount; `socket` is where it sends the descriptor. Throws VolumeError with its reason. */
export function fusermountTo(target: string, options: readonly string[], socket: number): void {
  const { error, status, stderr } = spawnSync(program, ['-o', options.join(','), '--', target], {
    stdio: ['ignore', 'ignore', 'pipe', socket],
    env: { ...process.env, _FUSE_COMMFD: '3' },
    encoding: 'utf8',
  });
  if (error !== undefined) throw absent('mount', error);
  if (status === 0) return;
  const said = reasonIn(stderr);
  if (said.includes('user_allow_other')) throw othersNotAllowed();
  throw new VolumeError('no-permission', `${program} does not mount on ${target}: ${said}`);
}

/** Throws FsError: EBUSY when it is in use, EPERM when it is another user's. */
export function fusermountFrom(target: string, lazy: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, ['-u', ...(lazy ? ['-z'] : []), '--', target], (error, _, stderr) => {
      if (error === null) resolve();
      else if (error.code === 'ENOENT') reject(absent('unmount', error));
      else if (stderr.includes('busy')) reject(new FsError('EBUSY', `unmount of ${target}`));
      else reject(new FsError('EPERM', `unmount of ${target}`, undefined, reasonIn(stderr)));
    });
  });
}

const absent = (what: string, { message }: Error): VolumeError =>
  new VolumeError('no-permission', `only root can ${what} without ${program} (of the package fuse3): ${message}`);

/** What stands after the program's name, in its last line. */
const reasonIn = (stderr: string): string => (stderr.trim().split('\n').at(-1) ?? '').replace(`${program}: `, '');
