/**
 * PostgreSQL with its data on the volume: initdb, pgbench for 30 s, kill -9 of all its processes in the middle of
 * another run, and a restart, after which the books must balance. Needs the packages postgresql and
 * postgresql-contrib, and their user.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, shell, start } from '../trial/command.js';
import type { TrialVolume } from '../trial/volume.js';
import { expectThat, type Figures } from './figures.js';

const seconds = 30;
const clients = 4;

/** In each transaction one account, teller and branch changes by what the history notes. */
const books = `select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)
  and (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers)
  and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history)`;

export async function checkPostgres(volume: TrialVolume, size: string, figures: Figures): Promise<void> {
  await volume.format(size);
  await volume.mount();
  // Its user must get there.
  await chmod(dirname(volume.directory), 0o711);
  const directory = join(volume.directory, 'postgres');
  await mkdir(directory);
  await shell(`chown postgres '${directory}'`);
  // Debian keeps its programs out of the way.
  const bin = '$(dirname "$(readlink -f "$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb | tail -1)")")';
  const text = (command: string): string =>
    `cd '${directory}'; export PATH=${bin}:$PATH PGHOST='${directory}' PGDATABASE=postgres; ` +
    `setpriv --reuid=postgres --regid=postgres --clear-groups bash -euo pipefail -c "${command}"`;
  const asPostgres = (command: string) => shell(text(command), { limit: 240 });
  const startServer = (): Promise<unknown> =>
    asPostgres(`pg_ctl -D data -w -t 120 -l log -o '-c listen_addresses= -k ${directory}' start > /dev/null`);

  figures.seconds('initdb', (await asPostgres('initdb -D data > /dev/null')).seconds);
  await startServer();
  figures.seconds('pgbench -i -s 10', (await asPostgres('pgbench -q -i -s 10 2> /dev/null')).seconds);
  const { stdout } = await asPostgres(`pgbench -n -c ${clients} -T ${seconds}`);
  const rate = /tps = ([\d.]+)/.exec(stdout)?.[1] ?? '?';
  figures.note(`pgbench for ${seconds} s`, `${Number(rate).toFixed(0)} transactions a second`);

  const load = start('bash', ['-c', text(`pgbench -n -c ${clients} -T 60`)], 'ignore');
  await sleep(5000);
  // The first line of its file is the server's process; it leads a session of its own.
  await shell(`pid=$(head -1 '${directory}/data/postmaster.pid'); kill -9 $(ps -o pid= --ppid "$pid") "$pid"`);
  end(load);
  await sleep(500);
  // Where nobody waits for the dead, their process id looks alive to PostgreSQL.
  await shell(`rm -f '${directory}'/.s.PGSQL.* '${directory}/data/postmaster.pid'`);
  const began = performance.now();
  await startServer();
  figures.seconds('restart after kill -9', (performance.now() - began) / 1000);
  const { stdout: balanced } = await asPostgres(`psql -At -c '${books.replaceAll('\n', ' ')}'`);
  expectThat(balanced.trim() === 't', `the books balance, not ${balanced}`);
  const { stdout: version } = await asPostgres("psql -At -c 'show server_version'; vacuumdb -q -z postgres");
  figures.note('after the restart', `the books balance (PostgreSQL ${version.trim()})`);
  await asPostgres('pg_ctl -D data -w -m fast stop > /dev/null');

  await volume.unmount();
  const checked = await volume.fsck('-f', '-n');
  expectThat(checked.status === 0, `fsck -f -n: exit ${checked.status}\n${checked.stdout}${checked.stderr}`);
}
