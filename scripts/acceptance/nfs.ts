/**
 * An NFS server over the volume: NFS-Ganesha, which finds files by handles (open_by_handle_at), read with the tools of
 * libnfs, over the loopback interface. Needs the packages nfs-ganesha-vfs and libnfs-utils.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, run, shell, start } from '../trial/command.js';
import type { TrialVolume } from '../trial/volume.js';
import { expectThat, type Figures } from './figures.js';

const port = 20_490;
const patienceMs = 30_000;

const configuration = (directory: string): string => `
NFS_CORE_PARAM {
  Protocols = 4; NFS_Port = ${port}; Bind_Addr = 127.0.0.1;
  Enable_UDP = none; Enable_NLM = false; Enable_RQUOTA = false;
}
NFSv4 { Graceless = true; }
EXPORT {
  Export_Id = 1; Path = ${directory}; Pseudo = /v; Filesystem_id = 7.7; Protocols = 4; Transports = TCP;
  Access_Type = RO; Squash = No_Root_Squash; SecType = sys; FSAL { Name = VFS; }
}
`;

const tree = `
for d in a a/b c; do mkdir "$d"; for i in $(seq 20); do head -c $((i * 7919)) /dev/urandom > "$d/file $i"; done; done
head -c 20M /dev/urandom > large
`;

const url = (path: string): string => `nfs://127.0.0.1/v/${path}?version=4&nfsport=${port}`;

export async function checkNfs(volume: TrialVolume, size: string, figures: Figures): Promise<void> {
  await volume.format(size);
  await volume.mount();
  const directory = join(volume.directory, 'exported');
  await mkdir(directory);
  await shell(tree, { cwd: directory });
  const [file, log] = ['ganesha.conf', 'ganesha.log'].map((name) => join(dirname(volume.directory), name));
  await writeFile(file, configuration(volume.directory));
  const { stdout: names } = await shell("find . -type f -printf '%P\\n' | LC_ALL=C sort", { cwd: directory });
  const { stdout: expected } = await shell("LC_ALL=C sort | tr '\\n' '\\0' | xargs -0 cat -- | sha256sum", {
    cwd: directory,
    input: names,
  });
  await shell('mkdir -p /var/lib/nfs/ganesha /run/ganesha');
  const server = start('ganesha.nfsd', ['-F', '-L', log, '-f', file, '-p', `${file}.pid`], 'ignore');
  const answers = async (): Promise<boolean> => (await run('nfs-ls', [url('')], { allow: 'any' })).status === 0;
  for (const until = Date.now() + patienceMs; Date.now() < until && !(await answers()); ) await sleep(200);
  const paths = names
    .trim()
    .split('\n')
    .map((name) => `exported/${name}`);
  const { stdout: found, seconds } = await shell(
    `{\n${paths.map((path) => `nfs-cat '${url(path)}'`).join('\n')}\n} | sha256sum`,
  );
  expectThat(found === expected, 'what is read by NFS is what is there');
  const { stdout: listed } = await run('nfs-ls', [url('exported/a')]);
  expectThat(listed.trim().split('\n').length === 21, `nfs-ls lists 21 entries, not\n${listed}`);
  end(server);
  await sleep(500);
  const { stdout: version } = await shell('ganesha.nfsd -v | head -1');
  figures.note('read by NFS', `${paths.length} files, the same, ${seconds.toFixed(1)} s (${version.trim()})`);
  await volume.unmount();
}
