/**
 * Permissions with the driver over fuse-native, which checks them itself: what each of several users may do is compared
 * with the kernel driver, where the kernel decides, on the same volume with random modes and ACLs.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AclEntry, aclTag, encodeAcl, noId } from '../../fs/posix/acl/posix-acl.js';
import { MountedVolume } from '../support/programs.js';
import { setxattr } from '../support/system-calls.js';

const execute = promisify(execFile);
const users = [3001, 3002, 3003];
const groups = [4001, 4002, 4003];
/** uid, gid and further groups. */
const subjects: [number, number, number[]][] = [
  [0, 0, []],
  [3001, 4001, []],
  [3002, 4002, [4001, 4003]],
  [3003, 4003, []],
  [3004, 4004, [4002]],
];
const objects = 60;

let seed = 7;
/** The minimal standard generator: the same run every time. */
const random = (below: number): number => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % below;
};
const pick = <T>(from: readonly T[]): T => from[random(from.length)];

function randomAcl(): Uint8Array {
  const entry = (tag: number, id = noId): AclEntry => ({ tag, permissions: random(8), id });
  const some = (ids: readonly number[]): number[] => ids.filter(() => random(2) === 0);
  return encodeAcl([
    entry(aclTag.owner),
    ...some(users).map((id) => entry(aclTag.user, id)),
    entry(aclTag.group),
    ...some(groups).map((id) => entry(aclTag.namedGroup, id)),
    entry(aclTag.mask),
    entry(aclTag.others),
  ]);
}

let volume: MountedVolume;
beforeEach(async () => {
  volume = await MountedVolume.make('64M');
  await fs.chmod(volume.folder, 0o755);
});
afterEach(() => volume.dispose());

async function as([uid, gid, more]: (typeof subjects)[number], script: string): Promise<string> {
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, more.length > 0 ? `--groups=${more.join()}` : '--clear-groups'];
  return (await execute('setpriv', [...identity, 'sh', '-c', `cd ${volume.directory} || exit\n${script}`])).stdout;
}

/** What each subject may do with each object: access(2), and the thing itself. */
async function decisions(): Promise<string[]> {
  const script = `for f in *; do
    printf '%s ' $f
    for t in r w x; do [ -$t $f ] && printf $t; done
    if [ -d $f ]; then ls $f >/dev/null 2>&1 && printf L; (cd $f) 2>/dev/null && printf S; [ -e $f/in ] && printf E
      (mkdir $f/new && rmdir $f/new) 2>/dev/null && printf M
    else (: <$f) 2>/dev/null && printf R; (: >>$f) 2>/dev/null && printf W; fi
    (chmod u+r,u-r+r $f) 2>/dev/null && printf C
    echo
  done`;
  const all: string[] = [];
  for (const subject of subjects)
    for (const line of (await as(subject, script)).trim().split('\n')) all.push(`${subject[0]} ${line}`);
  return all;
}

it('decides as the kernel does, by mode and by ACL', async () => {
  await volume.mount();
  await fs.chmod(volume.directory, 0o755);
  for (let i = 0; i < objects; i++) {
    const path = volume.path(`o${i}`);
    if (i % 3 === 0) {
      await fs.mkdir(path);
      await fs.writeFile(`${path}/in`, '');
    } else await fs.writeFile(path, 'x');
    await fs.chown(path, pick([0, ...users]), pick([0, ...groups]));
    await fs.chmod(path, random(0o1000));
    if (i % 2 === 0) {
      const acl = randomAcl();
      setxattr(path, 'system.posix_acl_access', acl, acl.length, 0);
    }
  }
  const byKernel = await decisions();
  await volume.unmount();
  await volume.mount('driver=native');
  const byDriver = await decisions();
  expect(byKernel.length).toBe(objects * subjects.length);
  expect(byDriver).toEqual(byKernel);
});

it('lets nobody through a directory that is closed, whatever the kernel remembers', async () => {
  await volume.mount('driver=native');
  await fs.mkdir(volume.path('closed'), { mode: 0o700 });
  await fs.writeFile(volume.path('closed/file'), 'secret');
  await fs.chmod(volume.path('closed/file'), 0o666);
  expect(await fs.readFile(volume.path('closed/file'), 'utf8')).toBe('secret');
  const script =
    'for c in "cat" "stat" "rm -f" "touch" "ls" "chmod 777"; do $c closed/file >/dev/null 2>&1 && echo $c; done; true';
  expect(await as([3001, 4001, []], script)).toBe('');
});

it('keeps what a refused rename would have replaced, open or not', async () => {
  await volume.mount('driver=native');
  for (const name of ['from', 'to']) await fs.mkdir(volume.path(name));
  await fs.chmod(volume.path('to'), 0o777);
  await fs.writeFile(volume.path('from/file'), 'new');
  await fs.writeFile(volume.path('to/file'), 'old');
  await fs.chown(volume.path('to/file'), 3001, 4001);
  const open = await fs.open(volume.path('to/file'));
  expect(await as([3001, 4001, []], 'mv -f from/file to/file 2>/dev/null || cat to/file')).toBe('old');
  await open.close();
  expect(await fs.readFile(volume.path('to/file'), 'utf8')).toBe('old');
});

it('takes setuid away when others write, and lets who may write touch', async () => {
  await volume.mount('driver=native');
  await fs.writeFile(volume.path('file'), 'x');
  await fs.chmod(volume.path('file'), 0o6777);
  expect(await as([3001, 4001, []], 'echo y >> file && touch file && stat -c %a file')).toBe('777\n');
  await expect(as([3001, 4001, []], 'touch -d @1000000000 file')).rejects.toThrow(/not permitted/);
});
