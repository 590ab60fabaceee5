/**
 * Tools that copy trees with everything on them: cp -a, rsync -aHAX, tar --acls --xattrs. A tree with ACLs, attributes,
 * hard links, holes, devices, odd names and times is copied by each, and what getfacl, getfattr, find and a hash say of
 * the copies must be what they say of the tree.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { shell } from '../trial/command.js';
import type { TrialVolume } from '../trial/volume.js';
import { expectThat, type Figures } from './figures.js';

const tree = `
umask 022
mkdir -p tree/a/b/c tree/private tree/shared
for i in $(seq 1 300); do head -c $((i * 97)) /dev/urandom > "tree/a/b/file $i"; done
ln 'tree/a/b/file 1' tree/a/linked
ln 'tree/a/b/file 1' tree/a/b/c/linked-again
ln -s ../b/nowhere tree/a/dangling
ln -s 'b/file 2' tree/a/link
mkfifo tree/a/fifo
mknod tree/a/null c 1 3
mknod tree/a/disk b 7 200
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('tree/a/socket')"
truncate -s 10M tree/a/sparse
printf 'data' | dd of=tree/a/sparse bs=1 seek=5000000 conv=notrunc status=none
touch "$(printf 'tree/a/new\\nline')" 'tree/a/ä' "tree/a/$(printf 'n%.0s' $(seq 250))"
chown 12345:23456 'tree/a/b/file 3'
chmod 6755 'tree/a/b/file 4'; chmod 1777 tree/shared; chmod 2775 tree/a/b/c; chmod 000 'tree/a/b/file 5'
setfacl -R -m u:12345:rwX,g:23456:r,m::rwx tree/private tree/a/b
setfacl -d -m u:12345:rwX,o::- tree/private tree/a/b/c
setfattr -n user.comment -v 'some text' 'tree/a/b/file 6'
setfattr -n user.binary -v 0x00ff00 tree/a
setfattr -n trusted.secret -v hidden 'tree/a/b/file 7'
python3 -c "import os; os.setxattr('tree/a/b/file 8', 'user.large', os.urandom(60000))"
setcap cap_net_raw+ep 'tree/a/b/file 9'
touch -d '1969-12-31 23:00:00.123456789 UTC' 'tree/a/b/file 10'
touch -h -d '2030-01-01 00:00:00.5 UTC' tree/a/link
touch -d '2001-01-01' tree/a tree
`;

/** All that can be said of a tree, in a form to compare. Directories' sizes are their filesystem's business. */
const portrait = `
find . -printf '%P|%y|%m|%U|%G|%n|%l|%T@\\n' | LC_ALL=C sort
find . ! -type d -printf '%P|%s\\n' | LC_ALL=C sort
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
find . \\( -type b -o -type c \\) -exec stat -c '%n %t %T' {} + | LC_ALL=C sort
getfacl -R -n -p . | grep -v '^$'
getfattr -R -h -d -m - -e hex . | LC_ALL=C sort
stat -c %b a/sparse | awk '{ print ($1 < 1000) ? "sparse" : "not sparse: " $1 }'
`;

const tools: Readonly<Record<string, readonly [folder: string, version: string, copy: string]>> = {
  'cp -a': ['cp', 'cp --version', 'cp -a tree cp'],
  'rsync -aHAX': ['rsync', 'rsync --version', 'rsync -aHAXS --devices --specials tree/ rsync/'],
  'tar --acls --xattrs': [
    'tar',
    'tar --version',
    // tar(1) can't keep sockets.
    "rm tree/a/socket && mkdir tar && tar --acls --xattrs --xattrs-include='*' -S -C tree -cf tree.tar . && " +
      "tar --acls --xattrs --xattrs-include='*' -S -p -C tar -xf tree.tar",
  ],
};

/** The examples of setfacl(1), in its order; lisa is 60201, staff 60203. What the ACLs of `of` are after each. */
const examples: readonly (readonly [command: string, of: string, acl: string])[] = [
  ['setfacl -m u:60201:r file', 'file', 'user::rw-,user:60201:r--,group::rw-,mask::rw-,other::r--'],
  [
    'setfacl -m g:60203:rwx file && setfacl -m m::rx file',
    'file',
    'user::rw-,user:60201:r--,group::rw-,group:60203:rwx,mask::r-x,other::r--',
  ],
  ['setfacl -x g:60203 file', 'file', 'user::rw-,user:60201:r--,group::rw-,mask::rw-,other::r--'],
  ['getfacl file | setfacl --set-file=- file2', 'file2', 'user::rw-,user:60201:r--,group::rw-,mask::rw-,other::r--'],
  [
    'setfacl -m u:60201:rx dir && getfacl --access dir | setfacl -d -M- dir',
    'dir',
    'user::rwx,user:60201:r-x,group::rwx,mask::rwx,other::r-x,' +
      'default:user::rwx,default:user:60201:r-x,default:group::rwx,default:mask::rwx,default:other::r-x',
  ],
];

async function checkExamples(directory: string): Promise<void> {
  await mkdir(directory);
  await shell('umask 002; touch file file2; mkdir dir', { cwd: directory });
  for (const [command, of, acl] of examples) {
    await shell(command, { cwd: directory });
    const { stdout } = await shell(`getfacl -c -n -E ${of} | grep -v '^$' | paste -sd,`, { cwd: directory });
    expectThat(stdout.trim() === acl, `${command}: ${acl}, not ${stdout}`);
  }
}

export async function checkCopies(volume: TrialVolume, size: string, figures: Figures): Promise<void> {
  await volume.format(size);
  await volume.mount();
  const directory = join(volume.directory, 'work');
  await mkdir(directory);
  await shell(tree, { cwd: directory });
  const of = async (copy: string): Promise<string> => (await shell(portrait, { cwd: join(directory, copy) })).stdout;
  figures.note('lines about the tree', String((await of('tree')).split('\n').length));
  for (const [name, [folder, version, copy]] of Object.entries(tools)) {
    const { seconds } = await shell(copy, { cwd: directory });
    const [expected, found] = [await of('tree'), await of(folder)];
    expectThat(found === expected, `${name} copies all: ${difference(expected, found)}`);
    const said = (await shell(version)).stdout.split('\n')[0].replaceAll(/ +/g, ' ');
    figures.note(name, `the same, ${seconds.toFixed(2)} s (${said})`);
  }
  await shell('setfacl -R -b -k tree && chmod -R u+rwX tree', { cwd: directory });
  const { stdout } = await shell('getfacl -R -s -p tree', { cwd: directory });
  expectThat(stdout.trim() === '', `setfacl -R -b leaves no ACL, not\n${stdout}`);
  await checkExamples(join(directory, 'examples'));
  const { stdout: acl } = await shell('setfacl --version');
  figures.note('setfacl -R, -b, -k, and the examples of setfacl(1)', `as they should be (${acl.trim()})`);
  await volume.unmount();
  const checked = await volume.fsck('-f', '-n');
  expectThat(checked.status === 0, `fsck -f -n: exit ${checked.status}\n${checked.stdout}${checked.stderr}`);
}

function difference(expected: string, found: string): string {
  const [a, b] = [new Set(expected.split('\n')), new Set(found.split('\n'))];
  const only = (one: Set<string>, other: Set<string>): string =>
    [...one]
      .filter((line) => !other.has(line))
      .slice(0, 5)
      .join('\n');
  return `lost:\n${only(a, b)}\ncame:\n${only(b, a)}`;
}
